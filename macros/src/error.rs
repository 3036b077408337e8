//! What is wrong with the code that an attribute was given, and where.

use crate::tokens::{
    Delimiter, Group, Literal, Punct, Spacing, Span, TokenStream, TokenTree, code,
};

#[derive(Debug)]
pub(crate) struct Error {
    /// Of the first and of the last token that the message is about.
    pub(crate) start: Span,
    pub(crate) end: Span,
    pub(crate) message: String,
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn new(at: Span, message: impl Into<String>) -> Self {
        Error { start: at, end: at, message: message.into() }
    }

    /// An error that is about all of `tokens`, or about `otherwise` if there are none.
    pub(crate) fn over(tokens: &[TokenTree], otherwise: Span, message: impl Into<String>) -> Self {
        let start = tokens.first().map_or(otherwise, TokenTree::span);
        let end = tokens.last().map_or(otherwise, TokenTree::span);
        Error { start, end, message: message.into() }
    }

    /// A call of `compile_error!`, which the compiler shows as if it were its own message: it underlines what lies
    /// between the first and the last of these tokens.
    pub(crate) fn tokens(&self) -> TokenStream {
        let mut message = Literal::string(&self.message);
        message.set_span(self.end);
        let mut braced = Group::new(Delimiter::Brace, TokenTree::from(message).into());
        braced.set_span(self.end);
        let mut bang = Punct::new('!', Spacing::Alone);
        bang.set_span(self.end);
        let mut tokens = code(self.start, "::core::compile_error", &[]);
        tokens.extend(Some(TokenTree::from(bang)));
        tokens.extend(Some(TokenTree::from(braced)));
        tokens
    }
}
