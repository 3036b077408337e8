//! The attributes of simloop. They are documented and used there: `simloop::test`, `simloop::main`.
//!
//! An attribute moves the body of the function into an `async fn` within it, which an `Explorer` or a `Builder`
//! then runs. It reads one function's head and a list of `name = value` (`function`, `arguments`); what
//! values mean is left to the methods that they are given to, so the compiler's own messages point at them.

mod arguments;
mod error;
mod expand;
mod function;
mod known;
#[cfg(test)]
mod tests;
mod tokens;

#[cfg(not(test))]
use proc_macro::TokenStream;

/// The attribute comes from the package `simloop-macros`.
#[cfg(not(test))]
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(&known::TEST, arguments, item)
}

/// The attribute comes from the package `simloop-macros`.
#[cfg(not(test))]
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(&known::MAIN, arguments, item)
}
