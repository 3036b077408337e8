//! What the compiler sees in place of an annotated function.

use std::slice;

use crate::arguments::Arguments;
use crate::error::Error;
use crate::function::{Function, opened};
use crate::known::{Attribute, Becomes, Kind, Strategy};
use crate::tokens::{Span, TokenStream, TokenTree, code, word};

/// Runs of a search that draws, as the explorer's own default.
const DRAWN_RUNS: u64 = 1_000;

/// The depth of a search by priorities.
const PCT_DEPTH: u32 = 3;

/// Expands an attribute. What is wrong becomes messages; beside them stands what makes no more of them.
pub(crate) fn expand(
    attribute: &'static Attribute,
    arguments: TokenStream,
    item: TokenStream,
) -> TokenStream {
    let (arguments, mut errors) = Arguments::parse(attribute, arguments);
    let expanded = match Function::parse(item.clone(), attribute.shown) {
        Ok(mut function) => {
            if let Some(error) = second_test(attribute, &mut function) {
                errors.push(error);
            }
            // With half of the arguments it would be another search, and other messages.
            let arguments = if errors.is_empty() { arguments } else { Arguments::default() };
            match attribute.kind {
                Kind::Test => test(&arguments, &function),
                Kind::Main => main(&arguments, &function),
            }
        }
        Err(error) => {
            errors.push(error);
            code(here(), "#[allow(dead_code)] $", &[item])
        }
    };
    let mut messages = TokenStream::new();
    for error in errors {
        messages.extend(Some(error.tokens()));
    }
    code(here(), "$ $", &[messages, expanded])
}

/// Takes out a second attribute that makes a test: `#[test]`, `#[tokio::test]`. It would take the function for a
/// test of its own, and run it twice, or have something else to say about it.
fn second_test(attribute: &Attribute, function: &mut Function) -> Option<Error> {
    if attribute.kind != Kind::Test {
        return None;
    }
    let attributes = &function.attributes;
    let path_at = |place: usize| match &attributes[place] {
        TokenTree::Group(group) => path(group.stream()),
        _ => String::new(),
    };
    let is_test = |path: String| path == "test" || path.ends_with("::test");
    let place = (0..attributes.len()).find(|&place| is_test(path_at(place)))?;
    let message =
        format!("#[simloop::test] makes a test of the function: leave `#[{}]` out", path_at(place));
    let error = Error::new(attributes[place].span(), message);
    // The sign goes with its brackets.
    function.attributes.remove(place);
    function.attributes.remove(place - 1);
    Some(error)
}

/// The path that an attribute starts with.
fn path(attribute: TokenStream) -> String {
    let mut path = String::new();
    for token in opened(attribute) {
        match &token {
            TokenTree::Ident(name) => path.push_str(&name.to_string()),
            TokenTree::Punct(sign) if sign.as_char() == ':' => path.push(':'),
            _ => break,
        }
    }
    path
}

fn test(arguments: &Arguments, function: &Function) -> TokenStream {
    let krate = krate(arguments);
    let explorer = base(arguments, code(here(), "$::explore::Explorer::new()", &[krate]));
    let strategy = strategy(arguments);
    // The search is shown as coming from where the function is, and dislikes its type there.
    let check = code(function.output_span(), ".check($)", &[function.name()]);
    let calls = calls(arguments);
    let body = code(here(), "let _ = $ $ $ $;", &[explorer, strategy, calls, check]);
    let around = around(function, TokenStream::new(), body);
    code(here(), "#[::core::prelude::v1::test] $", &[around])
}

fn main(arguments: &Arguments, function: &Function) -> TokenStream {
    let krate = krate(arguments);
    let builder = base(arguments, code(here(), "$::Builder::new()", &[krate]));
    let run = code(function.output_span(), ".run($())", &[function.name()]);
    let output = function.output.iter().cloned().collect();
    let body = code(here(), "$ $ .environment() $ .unwrap()", &[builder, calls(arguments), run]);
    around(function, output, body)
}

/// The function, with its own attributes and without `async`, and within it the one that was written.
fn around(function: &Function, output: TokenStream, body: TokenStream) -> TokenStream {
    let all = |tokens: &[TokenTree]| tokens.iter().cloned().collect();
    let Function { attributes, visibility, output: inner_output, body: inner_body, .. } = function;
    let inner_body = TokenTree::from(inner_body.clone()).into();
    let inner = &[function.name(), all(inner_output), inner_body];
    let inner = code(here(), "async fn $() $ $", inner);
    let head = &[all(attributes), all(visibility), function.name(), output];
    let head = code(here(), "$ $ fn $() $", head);
    code(here(), "$ { $ $ }", &[head, inner, body])
}

/// What is written here comes from the attribute.
fn here() -> Span {
    Span::call_site()
}

/// The calls that the arguments become.
fn calls(arguments: &Arguments) -> TokenStream {
    let mut calls = TokenStream::new();
    for argument in &arguments.given {
        calls.extend(argument.call());
    }
    calls
}

fn krate(arguments: &Arguments) -> TokenStream {
    let written = arguments.find("crate").map(|argument| argument.value.clone());
    written.unwrap_or_else(|| code(here(), "::simloop", &[]))
}

/// What the methods are called on: an expression of the user's, or `new`.
fn base(arguments: &Arguments, new: TokenStream) -> TokenStream {
    let is_base = |becomes| becomes == Becomes::Base;
    let given = arguments.given.iter().find(|argument| is_base(argument.known.becomes));
    given.map_or(new, |argument| code(here(), "($)", slice::from_ref(&argument.value)))
}

/// The call that sets the strategy; none for the explorer's own.
fn strategy(arguments: &Arguments) -> TokenStream {
    let explore = arguments.find("explore");
    let span = explore.map_or_else(Span::call_site, |argument| argument.name.span());
    match arguments.strategy() {
        Some(Strategy::Drawn(name)) => {
            code(span, &format!(".$({DRAWN_RUNS}_u64)"), &[word(name, span)])
        }
        Some(Strategy::Pct) => {
            let depth = arguments.find("depth").map(|argument| argument.value.clone());
            let depth = depth.unwrap_or_else(|| code(here(), &format!("{PCT_DEPTH}_u32"), &[]));
            code(span, &format!(".pct($, {DRAWN_RUNS}_u64)"), &[depth])
        }
        Some(Strategy::Every(name)) => code(span, ".$()", &[word(name, span)]),
        Some(Strategy::Fifo) => code(span, ".exhaustive().max_deviations(0)", &[]),
        // A bound on deviations is one on a search of every schedule.
        None if arguments.find("max_deviations").is_some() => code(span, ".exhaustive()", &[]),
        None => TokenStream::new(),
    }
}
