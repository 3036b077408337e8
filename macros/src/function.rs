//! The function below an attribute: its head, read token by token, and its body, left as it is.

use crate::error::{Error, Result};
use crate::tokens::{Delimiter, Group, Ident, Span, TokenStream, TokenTree, is};

/// An `async fn` without arguments.
pub(crate) struct Function {
    /// Attributes and lines of documentation.
    pub(crate) attributes: Vec<TokenTree>,
    pub(crate) visibility: Vec<TokenTree>,
    pub(crate) name: Ident,
    /// The type that is returned, with its arrow; nothing for `()`.
    pub(crate) output: Vec<TokenTree>,
    pub(crate) body: Group,
}

/// The words that may stand between the visibility and `fn`.
const QUALIFIERS: [&str; 4] = ["async", "const", "unsafe", "extern"];

impl Function {
    /// Reads a function. `attribute` is what messages call the attribute, such as `#[simloop::test]`.
    ///
    /// # Errors
    ///
    /// Says what is not as it must be, at the place where it is.
    pub(crate) fn parse(item: TokenStream, attribute: &str) -> Result<Self> {
        let tokens = opened(item);
        let (attributes, rest) = tokens.split_at(attributes_len(&tokens));
        let (visibility, rest) = rest.split_at(visibility_len(rest));
        let no_function = || {
            let message = format!("{attribute} stands above an `async fn` with a body");
            Error::over(&tokens[attributes.len()..], Span::call_site(), message)
        };
        let fn_at = rest.iter().position(|token| !is_qualifier(token)).unwrap_or(rest.len());
        let (qualifiers, rest) = rest.split_at(fn_at);
        let (keyword, name, rest) = match rest {
            [keyword, TokenTree::Ident(name), rest @ ..] if is_word(keyword, "fn") => {
                (keyword, name.clone(), rest)
            }
            _ => return Err(no_function()),
        };
        if !qualifiers.iter().any(|token| is_word(token, "async")) {
            let message = format!("{attribute} takes an `async fn`: write `async` before `fn`");
            return Err(Error { start: keyword.span(), end: name.span(), message });
        }
        if let Some(other) = qualifiers.iter().find(|token| !is_word(token, "async")) {
            return Err(Error::new(other.span(), format!("{attribute} takes a plain `async fn`")));
        }
        let (inputs, rest) = match rest {
            [TokenTree::Group(inputs), rest @ ..] => (inputs, rest),
            _ => {
                let message = format!("{attribute} takes a function without generic parameters");
                return Err(Error::new(name.span(), message));
            }
        };
        if !inputs.stream().is_empty() {
            let message =
                format!("{attribute} takes a function without arguments: there is nothing to pass");
            return Err(Error::new(inputs.span(), message));
        }
        match rest.split_last() {
            Some((TokenTree::Group(body), output)) if body.delimiter() == Delimiter::Brace => {
                let (attributes, visibility) = (attributes.to_vec(), visibility.to_vec());
                Ok(Function {
                    attributes,
                    visibility,
                    name,
                    output: output.to_vec(),
                    body: body.clone(),
                })
            }
            _ => Err(no_function()),
        }
    }

    /// Its name, as code.
    pub(crate) fn name(&self) -> TokenStream {
        TokenTree::from(self.name.clone()).into()
    }

    /// Where the compiler is to point when it does not like what the function returns.
    pub(crate) fn output_span(&self) -> Span {
        // The arrow is two tokens.
        self.output.get(2).map_or(self.name.span(), TokenTree::span)
    }
}

/// The tokens of an item, or of an attribute, without what a macro's fragments arrive in, as `$visibility` and
/// `$body` do: groups without delimiters. The type that is returned stays in its own, which holds it together.
pub(crate) fn opened(item: TokenStream) -> Vec<TokenTree> {
    let mut rest = item.into_iter().peekable();
    let mut tokens = Vec::new();
    let mut is_head = true;
    while let Some(token) = rest.next() {
        is_head &= !is_word(&token, "fn");
        match token {
            TokenTree::Group(group)
                if group.delimiter() == Delimiter::None && (is_head || rest.peek().is_none()) =>
            {
                tokens.extend(opened(group.stream()));
            }
            token => tokens.push(token),
        }
    }
    tokens
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(name) if is(name, word))
}

fn is_qualifier(token: &TokenTree) -> bool {
    // `extern` may be followed by its ABI.
    matches!(token, TokenTree::Literal(_)) || QUALIFIERS.iter().any(|word| is_word(token, word))
}

/// How many of the first tokens are attributes. Lines of documentation arrive as such.
fn attributes_len(tokens: &[TokenTree]) -> usize {
    match tokens {
        [TokenTree::Punct(hash), TokenTree::Group(_), rest @ ..] if hash.as_char() == '#' => {
            2 + attributes_len(rest)
        }
        _ => 0,
    }
}

/// How many of the first tokens are the visibility: `pub`, `pub(crate)`, or nothing.
fn visibility_len(tokens: &[TokenTree]) -> usize {
    match tokens {
        [word, TokenTree::Group(_), ..] if is_word(word, "pub") => 2,
        [word, ..] if is_word(word, "pub") => 1,
        _ => 0,
    }
}
