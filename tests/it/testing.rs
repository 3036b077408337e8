//! The tools for users' tests: laws for policies, programs as values.

mod laws;
