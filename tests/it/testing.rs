//! The tools for users' tests: laws for policies, programs as values, properties.

#[cfg(feature = "proptest")]
mod corrupt;
mod insta;
mod laws;
#[cfg(feature = "proptest")]
mod properties;
#[cfg(feature = "proptest")]
mod strategies;
