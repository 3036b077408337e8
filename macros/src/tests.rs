//! The messages, each below the code that it is about, as the compiler shows them; and the times that can be
//! written.

use proc_macro2::{LineColumn, Span, TokenStream, TokenTree};

use crate::arguments::Arguments;
use crate::error::Error;
use crate::expand::expand;
use crate::function::Function;
use crate::known::{Attribute, MAIN, TEST};

/// The attribute's arguments and the function below it.
fn parts(code: &str) -> (&'static Attribute, TokenStream, TokenStream) {
    let tokens: Vec<TokenTree> = code.parse::<TokenStream>().unwrap().into_iter().collect();
    let TokenTree::Group(brackets) = &tokens[1] else { panic!("{code} starts with an attribute") };
    let inside: Vec<TokenTree> = brackets.stream().into_iter().collect();
    let is_main = inside.iter().any(|token| token.to_string() == "main");
    let arguments = match inside.last() {
        Some(TokenTree::Group(arguments)) => arguments.stream(),
        _ => TokenStream::new(),
    };
    let attribute = if is_main { &MAIN } else { &TEST };
    (attribute, arguments, tokens[2..].iter().cloned().collect())
}

fn errors(code: &str) -> Vec<Error> {
    let (attribute, arguments, item) = parts(code);
    let (_, mut errors) = Arguments::parse(attribute, arguments);
    errors.extend(Function::parse(item, attribute.shown).err());
    errors
}

/// The line that an error is about, what is underlined of it, and the message.
fn shown(code: &str, error: &Error) -> String {
    let place = |at: LineColumn, otherwise| if at.line == 0 { otherwise } else { at };
    // What is about nothing in particular is about the attribute.
    let start = place(error.start.start(), LineColumn { line: 1, column: 0 });
    let first_line = code.lines().next().unwrap().chars().count();
    let end = place(error.end.end(), LineColumn { line: 1, column: first_line });
    let line = code.lines().nth(start.line - 1).unwrap();
    let end = if end.line == start.line { end.column } else { line.chars().count() };
    let carets = " ".repeat(start.column) + &"^".repeat(end - start.column);
    let message = error.message.replace('\n', "\n       ");
    format!("error: {message}\n  | {line}\n  | {carets}\n")
}

fn messages(codes: &[&str]) -> String {
    let message = |code: &&str| {
        let errors = errors(code);
        assert!(!errors.is_empty(), "{code} is taken as right");
        let (attribute, arguments, item) = parts(code);
        let expanded = expand(attribute, arguments, item).to_string();
        let count = expanded.matches(":: core :: compile_error !").count();
        assert_eq!(count, errors.len(), "each is told to the compiler, once");
        errors.iter().map(|error| shown(code, error)).collect::<Vec<_>>().concat()
    };
    codes.iter().map(message).collect::<Vec<_>>().join("\n")
}

fn assert_shown(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots/macros");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn what_is_no_function_for_the_attribute_is_told_at_its_place() {
    let codes = [
        "#[simloop::test]\nfn keeps_order() {}",
        "#[simloop::test]\n/// Says why.\n#[cfg(unix)]\npub(crate) fn keeps_order() {}",
        "#[simloop::test]\nasync fn keeps_order(count: u32) {}",
        "#[simloop::test]\nasync fn keeps_order(&self) {}",
        "#[simloop::test]\nasync fn keeps_order<T>() {}",
        "#[simloop::test]\nasync unsafe fn keeps_order() {}",
        "#[simloop::test]\nasync extern \"C\" fn keeps_order() {}",
        "#[simloop::test]\nasync fn keeps_order();",
        "#[simloop::test]\nstruct Order { kept: bool }",
        "#[simloop::main]\nfn main() {}",
        "#[simloop::main]\nasync fn main(arguments: Vec<String>) {}",
    ];
    assert_shown("function", &messages(&codes));
}

#[test]
fn an_argument_that_there_is_not_is_told_with_those_that_there_are() {
    let codes = [
        "#[simloop::test(run = 500)]\nasync fn keeps_order() {}",
        "#[simloop::test(iterations = 500)]\nasync fn keeps_order() {}",
        "#[simloop::test(flavor = \"current_thread\")]\nasync fn keeps_order() {}",
        "#[simloop::test(start_paused = true)]\nasync fn keeps_order() {}",
        "#[simloop::test(seed = 7, deny_leftover, tim_limit = \"5s\")]\nasync fn keeps_order() {}",
        "#[simloop::main(explore = \"random\")]\nasync fn main() {}",
        "#[simloop::main(sed = 7)]\nasync fn main() {}",
    ];
    assert_shown("unknown_argument", &messages(&codes));
}

#[test]
fn a_wrong_value_is_told_with_what_would_be_right() {
    let codes = [
        "#[simloop::test(explore = \"exhaustiv\")]\nasync fn keeps_order() {}",
        "#[simloop::test(explore = \"dfs\")]\nasync fn keeps_order() {}",
        "#[simloop::test(explore = random)]\nasync fn keeps_order() {}",
        "#[simloop::test(explore = Explorer::new().random(5))]\nasync fn keeps_order() {}",
        "#[simloop::test(runs = \"many\")]\nasync fn keeps_order() {}",
        "#[simloop::test(runs = 0)]\nasync fn keeps_order() {}",
        "#[simloop::test(seed = 1.5)]\nasync fn keeps_order() {}",
        "#[simloop::test(time_limit = 5)]\nasync fn keeps_order() {}",
        "#[simloop::test(time_limit = \"5 seconds\")]\nasync fn keeps_order() {}",
        "#[simloop::test(deny_leftovers = \"yes\")]\nasync fn keeps_order() {}",
        "#[simloop::test(crate = 7)]\nasync fn keeps_order() {}",
    ];
    assert_shown("wrong_value", &messages(&codes));
}

#[test]
fn arguments_that_do_not_fit_together_or_have_the_wrong_form_are_told() {
    let codes = [
        "#[simloop::test(seed)]\nasync fn keeps_order() {}",
        "#[simloop::test(seed(7))]\nasync fn keeps_order() {}",
        "#[simloop::test(seed =)]\nasync fn keeps_order() {}",
        "#[simloop::test(limits)]\nasync fn keeps_order() {}",
        "#[simloop::test(\"random\")]\nasync fn keeps_order() {}",
        "#[simloop::test(seed = 7,, runs = 5)]\nasync fn keeps_order() {}",
        "#[simloop::test(seed = 7, seed = 8)]\nasync fn keeps_order() {}",
        "#[simloop::test(depth = 3)]\nasync fn keeps_order() {}",
        "#[simloop::test(explore = \"random\", max_deviations = 2)]\nasync fn keeps_order() {}",
        "#[simloop::test(explore = \"fifo\", runs = 2)]\nasync fn keeps_order() {}",
    ];
    assert_shown("arguments", &messages(&codes));
}

#[test]
fn a_second_test_attribute_is_told_once_and_left_out() {
    for second in ["test", "tokio::test(start_paused = true)", "::simloop::test"] {
        let code = format!("#[simloop::test]\n/// Why.\n#[{second}]\nasync fn keeps_order() {{}}");
        let (attribute, arguments, item) = parts(&code);
        let expanded = expand(attribute, arguments, item).to_string();
        let path = second.split('(').next().unwrap();
        let message = format!("makes a test of the function: leave `#[{path}]` out");
        assert_eq!(expanded.matches(&message).count(), 1, "{expanded}");
        assert_eq!(expanded.matches("start_paused").count(), 0, "{expanded}");
        assert_eq!(expanded.matches(":: test]").count(), 1, "{expanded}");
    }
    let others = "#[simloop::test]\n#[cfg(test)]\n#[doc = \"test\"]\nasync fn keeps_order() {}";
    let (attribute, arguments, item) = parts(others);
    let expanded = expand(attribute, arguments, item).to_string();
    assert!(!expanded.contains("compile_error"), "{expanded}");
}

/// Groups without delimiters are made by hand here: in source there are none.
#[test]
fn what_a_macro_passes_on_is_read_as_if_it_were_written_there() {
    use proc_macro2::{Delimiter, Group};
    let fragment = |code: &str| -> TokenStream {
        TokenTree::from(Group::new(Delimiter::None, code.parse().unwrap())).into()
    };
    let attribute: TokenTree = Group::new(Delimiter::Bracket, fragment("test")).into();
    let mut item: TokenStream = "#".parse().unwrap();
    item.extend([attribute]);
    item.extend([
        fragment("pub(crate)"),
        fragment(""),
        "async fn keeps_order() ->".parse().unwrap(),
    ]);
    item.extend([fragment("Kept"), fragment("{ kept() }")]);
    for item in [item.clone(), fragment("").into_iter().chain(item).collect()] {
        let function = Function::parse(item.clone(), TEST.shown).unwrap();
        assert_eq!((function.visibility.len(), function.output.len()), (2, 3));
        assert_eq!(function.body.to_string(), "{ kept () }");
        let expanded = expand(&TEST, TokenStream::new(), item).to_string();
        assert_eq!(expanded.matches("leave `#[test]` out").count(), 1, "{expanded}");
    }
    let mut arguments = fragment("seed = 7");
    arguments.extend([",".parse().unwrap(), fragment("deny_leftovers")]);
    let (arguments, errors) = Arguments::parse(&TEST, arguments);
    assert!(errors.is_empty() && arguments.given.len() == 2);
    assert_eq!(arguments.find("seed").unwrap().value.to_string(), "7");
}

/// The nanoseconds of a time limit, as they are in the expansion.
fn nanos(time: &str) -> Option<u64> {
    let code = format!("#[simloop::test(time_limit = \"{time}\")]\nasync fn keeps_order() {{}}");
    let (attribute, arguments, item) = parts(&code);
    let expanded = expand(attribute, arguments, item).to_string();
    let (_, rest) = expanded.split_once("from_nanos (")?;
    rest.split_once("u64").map(|(nanos, _)| nanos.trim().parse().unwrap())
}

#[test]
fn a_time_is_written_as_the_crate_writes_it_and_never_rounded() {
    let right = [
        ("5s", 5_000_000_000),
        ("2.5s", 2_500_000_000),
        ("0.000000001s", 1),
        ("100ms", 100_000_000),
        ("1.000001ms", 1_000_001),
        ("3us", 3_000),
        ("3µs", 3_000),
        ("7ns", 7),
        ("7.0ns", 7),
        ("1.5min", 90_000_000_000),
        ("0.25h", 900_000_000_000),
        ("5 s", 5_000_000_000),
    ];
    for (time, expected) in right {
        assert_eq!(nanos(time), Some(expected), "{time}");
    }
    let wrong =
        ["", "5", "s", ".5s", "5.s", "1.5ns", "0.0000000001s", "-1s", "1e3s", "5d", "1.2.3s"];
    for time in wrong.into_iter().chain(["600000d", "18446744073709551616ns", "6000000h"]) {
        assert_eq!(nanos(time), None, "{time}");
    }
}

/// The compiler's own messages point at what is theirs only if the user's tokens keep their places.
#[test]
fn the_body_and_the_name_keep_their_places() {
    let code = "#[simloop::test(seed = SEED)]\nasync fn keeps_order() -> Kept {\n    kept()\n}";
    let (attribute, arguments, item) = parts(code);
    fn find(tokens: TokenStream, word: &str) -> Vec<Span> {
        let found = |token: TokenTree| match token {
            TokenTree::Group(group) => find(group.stream(), word),
            token if token.to_string() == word => vec![token.span()],
            _ => Vec::new(),
        };
        tokens.into_iter().flat_map(found).collect()
    }
    let expanded = expand(attribute, arguments, item);
    for (word, line, column) in
        [("SEED", 1, 23), ("keeps_order", 2, 9), ("Kept", 2, 26), ("check", 2, 26), ("kept", 3, 4)]
    {
        let at: Vec<LineColumn> =
            find(expanded.clone(), word).iter().map(|span| span.start()).collect();
        assert!(!at.is_empty(), "`{word}` is in the expansion");
        assert!(at.iter().all(|at| *at == LineColumn { line, column }), "`{word}` is at {at:?}");
    }
}
