//! What the compiler sees in place of an annotated function.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};

use crate::arguments::Arguments;
use crate::error::Error;
use crate::function::Function;
use crate::known::{Attribute, Becomes, Kind, Strategy};

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
            errors.extend(second_test(attribute, &mut function));
            // With half of the arguments it would be another search, and other messages.
            let arguments = if errors.is_empty() { arguments } else { Arguments::default() };
            match attribute.kind {
                Kind::Test => test(&arguments, &function),
                Kind::Main => main(&arguments, &function),
            }
        }
        Err(error) => {
            errors.push(error);
            quote!(#[allow(dead_code)] #item)
        }
    };
    quote!(#(#errors)* #expanded)
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
    let is_test = |place: &usize| path_at(*place).rsplit("::").next() == Some("test");
    let place = (0..attributes.len()).find(is_test)?;
    let message =
        format!("#[simloop::test] makes a test of the function: leave `#[{}]` out", path_at(place));
    let error = Error::new(attributes[place].span(), message);
    // The sign goes with its brackets.
    function.attributes.drain(place - 1..=place);
    Some(error)
}

/// The path that an attribute starts with.
fn path(attribute: TokenStream) -> String {
    let is_part = |token: &TokenTree| match token {
        TokenTree::Ident(_) => true,
        TokenTree::Punct(sign) => sign.as_char() == ':',
        _ => false,
    };
    attribute.into_iter().take_while(is_part).map(|token| token.to_string()).collect()
}

fn test(arguments: &Arguments, function: &Function) -> TokenStream {
    let krate = krate(arguments);
    let explorer = base(arguments, quote!(#krate::explore::Explorer::new()));
    let strategy = strategy(arguments);
    let calls = arguments.given.iter().filter_map(|argument| argument.call());
    let name = &function.name;
    // The search is shown as coming from where the function is, and dislikes its type there.
    let check = quote_spanned!(function.output_span()=> .check(#name));
    let body = quote!(let _ = #explorer #strategy #(#calls)* #check;);
    let around = around(function, TokenStream::new(), body);
    quote!(#[::core::prelude::v1::test] #around)
}

fn main(arguments: &Arguments, function: &Function) -> TokenStream {
    let krate = krate(arguments);
    let builder = base(arguments, quote!(#krate::Builder::new()));
    let calls = arguments.given.iter().filter_map(|argument| argument.call());
    let name = &function.name;
    let run = quote_spanned!(function.output_span()=> .run(#name()));
    let output = function.output.iter().cloned().collect();
    around(function, output, quote!(#builder #(#calls)* .environment() #run .unwrap()))
}

/// The function, with its own attributes and without `async`, and within it the one that was written.
fn around(function: &Function, output: TokenStream, body: TokenStream) -> TokenStream {
    let Function { attributes, visibility, name, output: inner_output, body: inner_body } =
        function;
    quote! {
        #(#attributes)*
        #(#visibility)* fn #name() #output {
            async fn #name() #(#inner_output)* #inner_body
            #body
        }
    }
}

fn krate(arguments: &Arguments) -> TokenStream {
    arguments.find("crate").map_or_else(|| quote!(::simloop), |argument| argument.value.clone())
}

/// What the methods are called on: an expression of the user's, or `new`.
fn base(arguments: &Arguments, new: TokenStream) -> TokenStream {
    let is_base = |becomes| becomes == Becomes::Base;
    let given = arguments.given.iter().find(|argument| is_base(argument.known.becomes));
    given.map_or(new, |argument| {
        let value = &argument.value;
        quote!((#value))
    })
}

/// The call that sets the strategy; none for the explorer's own.
fn strategy(arguments: &Arguments) -> TokenStream {
    let explore = arguments.find("explore");
    let span = explore.map_or_else(Span::call_site, |argument| argument.name.span());
    let method = |name: &str| Ident::new(name, span);
    match arguments.strategy() {
        Some(Strategy::Drawn(name)) => {
            let name = method(name);
            quote_spanned!(span=> .#name(#DRAWN_RUNS))
        }
        Some(Strategy::Pct) => {
            let depth = arguments.find("depth").map(|argument| argument.value.clone());
            let depth = depth.unwrap_or_else(|| quote!(#PCT_DEPTH));
            quote_spanned!(span=> .pct(#depth, #DRAWN_RUNS))
        }
        Some(Strategy::Every(name)) => {
            let name = method(name);
            quote_spanned!(span=> .#name())
        }
        Some(Strategy::Fifo) => quote_spanned!(span=> .exhaustive().max_deviations(0)),
        // A bound on deviations is one on a search of every schedule.
        None if arguments.find("max_deviations").is_some() => quote_spanned!(span=> .exhaustive()),
        None => TokenStream::new(),
    }
}
