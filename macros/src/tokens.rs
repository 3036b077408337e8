//! The compiler's tokens, and tokens written as code.

use std::slice::Iter;

/// In unit tests those of `proc-macro2`: the compiler's can be made only while it expands a macro.
#[cfg(not(test))]
pub(crate) use proc_macro::{
    Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree,
};
#[cfg(test)]
pub(crate) use proc_macro2::{
    Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree,
};

/// The tokens of `code` as if they stood at `span`. Each `$` in it is one of `parts`, in order.
pub(crate) fn code(span: Span, code: &str, parts: &[TokenStream]) -> TokenStream {
    let tokens = code.parse().expect("what is written here is code");
    let mut parts = parts.iter();
    let filled = fill(span, tokens, &mut parts);
    debug_assert!(parts.next().is_none(), "each part has its place");
    filled
}

fn fill(span: Span, tokens: TokenStream, parts: &mut Iter<'_, TokenStream>) -> TokenStream {
    let mut filled = TokenStream::new();
    for mut token in tokens {
        if let TokenTree::Punct(sign) = &token {
            if sign.as_char() == '$' {
                filled.extend(parts.next().cloned());
                continue;
            }
        }
        if let TokenTree::Group(group) = &token {
            let inside = fill(span, group.stream(), parts);
            token = Group::new(group.delimiter(), inside).into();
        }
        token.set_span(span);
        filled.extend(Some(token));
    }
    filled
}

/// Whether a name is this word.
pub(crate) fn is(name: &Ident, word: &str) -> bool {
    let name = name.to_string();
    name == word
}

/// A word as code.
pub(crate) fn word(word: &str, span: Span) -> TokenStream {
    TokenTree::from(Ident::new(word, span)).into()
}
