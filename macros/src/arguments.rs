//! What stands in an attribute's parentheses: `name = value`, `name`, separated by commas.

use crate::error::{Error, Result};
use crate::known::{Attribute, Becomes, Known, NEEDLESS, STRATEGIES, Strategy, Takes, meant};
use crate::tokens::{Delimiter, Ident, Literal, Span, TokenStream, TokenTree, code, is, word};

/// The arguments that make sense, in the order in which they were written.
#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) given: Vec<Argument>,
}

pub(crate) struct Argument {
    pub(crate) known: &'static Known,
    pub(crate) name: Ident,
    pub(crate) value: TokenStream,
    /// Of `explore` only.
    pub(crate) strategy: Option<Strategy>,
}

impl Arguments {
    /// Reads what it can, and says of the rest what is wrong.
    pub(crate) fn parse(attribute: &'static Attribute, tokens: TokenStream) -> (Self, Vec<Error>) {
        let (mut arguments, mut errors) = (Arguments::default(), Vec::new());
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is_comma =
            |token: &TokenTree| matches!(token, TokenTree::Punct(comma) if comma.as_char() == ',');
        let mut rest = &tokens[..];
        // Behind the last comma there may be nothing.
        while !rest.is_empty() {
            let len = rest.iter().position(is_comma).unwrap_or(rest.len());
            let (part, behind) = rest.split_at(len);
            let (end, left) = match behind {
                [comma, left @ ..] => (comma.span(), left),
                [] => (Span::call_site(), behind),
            };
            rest = left;
            match parse_argument(attribute, part, end) {
                Ok(argument) => match arguments.find(argument.known.name) {
                    Some(_) => errors.push(Error::new(
                        argument.name.span(),
                        format!("`{}` is given twice", argument.name),
                    )),
                    None => arguments.given.push(argument),
                },
                Err(error) => errors.push(error),
            }
        }
        errors.extend(arguments.contradictions());
        (arguments, errors)
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Argument> {
        self.given.iter().find(|argument| argument.known.name == name)
    }

    pub(crate) fn strategy(&self) -> Option<Strategy> {
        self.find("explore").and_then(|argument| argument.strategy)
    }

    /// Arguments that would do nothing beside the others.
    fn contradictions(&self) -> Vec<Error> {
        let mut errors = Vec::new();
        let strategy = self.strategy();
        if let (Some(depth), true) = (self.find("depth"), strategy != Some(Strategy::Pct)) {
            errors.push(depth.error("`depth` is of `explore = \"pct\"`, and of no other strategy"));
        }
        let is_drawn = matches!(strategy, Some(Strategy::Drawn(_) | Strategy::Pct));
        if let (Some(deviations), true) = (self.find("max_deviations"), is_drawn) {
            let message = "`max_deviations` bounds a search of every schedule: write \
                           `explore = \"exhaustive\"` or \
                           `\"reduced\"` with it";
            errors.push(deviations.error(message));
        }
        if let (Some(Strategy::Fifo), Some(other)) =
            (strategy, self.find("runs").or(self.find("max_deviations")))
        {
            errors.push(other.error(&format!(
                "`{}` has no meaning beside `explore = \"fifo\"`, which is one run without deviations",
                other.name
            )));
        }
        errors
    }
}

impl Argument {
    fn error(&self, message: &str) -> Error {
        Error::new(self.name.span(), message)
    }

    /// The call that the argument becomes, if it does.
    pub(crate) fn call(&self) -> Option<TokenStream> {
        let Becomes::Call(method) = self.known.becomes else { return None };
        let span = self.name.span();
        // The dot and the parentheses come from the name too, so that messages about types point there.
        Some(code(span, ".$($)", &[word(method, span), self.value.clone()]))
    }
}

fn parse_argument(
    attribute: &'static Attribute,
    part: &[TokenTree],
    end: Span,
) -> Result<Argument> {
    let (name, rest) = match part {
        // As a macro's `$argument:meta` arrives.
        [TokenTree::Group(group)] if group.delimiter() == Delimiter::None => {
            let inside: Vec<TokenTree> = group.stream().into_iter().collect();
            return parse_argument(attribute, &inside, end);
        }
        [TokenTree::Ident(name), rest @ ..] => (name, rest),
        _ => {
            let message = "an argument has the form `name = value`, as `seed = 7`";
            return Err(Error::over(part, end, message));
        }
    };
    let Some(known) = attribute.arguments.iter().find(|known| is(name, known.name)) else {
        return Err(unknown(attribute, name));
    };
    let value = match rest {
        [] if known.takes == Takes::Flag => &[],
        [TokenTree::Punct(sign), value @ ..] if sign.as_char() == '=' && !value.is_empty() => value,
        _ => {
            let message = format!("`{name}` needs a value: {}", example(known));
            return Err(Error::over(rest, name.span(), message));
        }
    };
    let wrong = |what: &str| Error::over(value, name.span(), format!("`{name}` {what}"));
    let mut strategy = None;
    let value = match (known.takes, literal(value)) {
        (Takes::Strategy, found) => {
            let text = found.and_then(|literal| text_of(&literal));
            let named = |(name, _): &&(&str, Strategy)| text.as_deref() == Some(name);
            strategy = STRATEGIES.iter().find(named).map(|&(_, known)| known);
            if strategy.is_none() {
                // Without quotes, it may be the right word yet.
                let word = value.first().map(ToString::to_string).unwrap_or_default();
                return Err(wrong(&unknown_strategy(&text.unwrap_or(word))));
            }
            TokenStream::new()
        }
        (Takes::Crate, Some(literal)) => path_in(&literal).ok_or_else(|| wrong(CRATE))?,
        (Takes::Flag, None) if value.is_empty() => word("true", name.span()),
        (Takes::Flag, Some(_)) => return Err(wrong("takes `true` or `false`, or no value")),
        (Takes::Number, Some(literal)) if !is_whole(&literal) => {
            return Err(wrong("takes a whole number"));
        }
        (Takes::Count, Some(literal)) if !is_whole(&literal) || is_zero(&literal) => {
            return Err(wrong("takes a whole number, 1 or more"));
        }
        (Takes::Duration, Some(literal)) => {
            let nanos = text_of(&literal).and_then(|text| nanos_in(&text));
            let nanos = nanos.ok_or_else(|| wrong(DURATION))?;
            let mut nanos = Literal::u64_suffixed(nanos);
            nanos.set_span(literal.span());
            let nanos = TokenTree::from(nanos).into();
            code(literal.span(), "::core::time::Duration::from_nanos($)", &[nanos])
        }
        _ => value.iter().cloned().collect(),
    };
    Ok(Argument { known, name: name.clone(), value, strategy })
}

const CRATE: &str = "takes the path of this crate, as `crate = \"renamed\"`";

const DURATION: &str = "takes a time such as \"5s\", \"2.5s\" or \"100ms\" (ns, us, ms, s, min, h; up to 584 \
                        years), or an expression of type `Duration`";

fn unknown(attribute: &Attribute, name: &Ident) -> Error {
    let mut names = Vec::new();
    for known in attribute.arguments {
        names.push(known.name);
    }
    let mut message = format!("{} has no argument `{name}`", attribute.shown);
    if let Some((_, reason)) = NEEDLESS.iter().find(|(needless, _)| is(name, needless)) {
        return Error::new(name.span(), format!("{message}: {reason}"));
    }
    if let Some(meant) = meant(&name.to_string(), &names) {
        message.push_str(&format!("; did you mean `{meant}`?"));
    }
    message.push_str(&format!("\nit takes {}", listed(&names)));
    Error::new(name.span(), message)
}

fn unknown_strategy(text: &str) -> String {
    let mut names = Vec::new();
    for &(name, _) in &STRATEGIES {
        names.push(name);
    }
    let mut message = "takes the name of a strategy".to_owned();
    if let Some(meant) = meant(text, &names) {
        message.push_str(&format!("; did you mean \"{meant}\"?"));
    }
    message.push_str(&format!("\nthere are {}", listed(&names)));
    message
}

fn listed(names: &[&str]) -> String {
    let mut listed = String::new();
    for name in names {
        let comma = if listed.is_empty() { "" } else { ", " };
        listed.push_str(&format!("{comma}`{name}`"));
    }
    listed
}

fn example(known: &Known) -> String {
    let value = match known.takes {
        Takes::Strategy => "\"exhaustive\"",
        Takes::Crate => "\"renamed\"",
        Takes::Flag => "true",
        Takes::Number | Takes::Count => "7",
        Takes::Duration => "\"2.5s\"",
        Takes::Expression(example) => example,
    };
    format!("`{} = {value}`", known.name)
}

/// The literal that a value consists of. The compiler wraps what comes from a macro's argument in a group
/// without delimiters.
fn literal(value: &[TokenTree]) -> Option<Literal> {
    match value {
        [TokenTree::Literal(literal)] => Some(literal.clone()),
        [TokenTree::Group(group)] if group.delimiter() == Delimiter::None => {
            literal(&group.stream().into_iter().collect::<Vec<_>>())
        }
        _ => None,
    }
}

/// The text of a string literal that needs no escapes.
fn text_of(literal: &Literal) -> Option<String> {
    let shown = literal.to_string();
    let text = shown.strip_prefix('"')?.strip_suffix('"')?;
    (!text.as_bytes().contains(&b'\\')).then(|| text.to_owned())
}

fn path_in(literal: &Literal) -> Option<TokenStream> {
    let written: TokenStream = text_of(literal)?.parse().ok()?;
    let mut path = TokenStream::new();
    for mut token in written {
        token.set_span(literal.span());
        path.extend(Some(token));
    }
    (!path.is_empty()).then_some(path)
}

/// Numbers start with a digit; those with a fraction have a point, or an exponent where no hexadecimal digit
/// can be meant, or the suffix of one.
fn is_whole(literal: &Literal) -> bool {
    let shown = literal.to_string();
    let is_hexadecimal = shown.starts_with("0x");
    let has = |sign: u8| shown.as_bytes().contains(&sign);
    let has_exponent = (has(b'e') || has(b'E')) && !shown.ends_with("size");
    let is_float = shown.ends_with("f32") || shown.ends_with("f64");
    let is_fraction = has(b'.') || (!is_hexadecimal && (has_exponent || is_float));
    shown.bytes().next().is_some_and(|first| first.is_ascii_digit()) && !is_fraction
}

fn is_zero(literal: &Literal) -> bool {
    let shown = literal.to_string();
    for digit in shown.bytes() {
        match digit {
            b'0' | b'_' => {}
            // The type follows.
            b'u' | b'i' => return true,
            _ => return false,
        }
    }
    true
}

/// Reads a time in the way in which the crate writes it: a decimal number and a unit.
fn nanos_in(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 7] = [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("min", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    let unit_at = text.bytes().position(|letter| !letter.is_ascii_digit() && letter != b'.')?;
    let (number, unit) = text.split_at(unit_at);
    let &(_, unit) = UNITS.iter().find(|(name, _)| *name == unit.trim_start())?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let mut nanos = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    let mut part = unit;
    if fraction.is_empty() {
        return None;
    }
    for digit in fraction.chars() {
        let digit = u64::from(digit.to_digit(10)?);
        // What is less than a nanosecond is no time of this crate.
        if digit > 0 && (part % 10 != 0 || part < 10) {
            return None;
        }
        part /= 10;
        nanos = nanos.checked_add(digit * part)?;
    }
    Some(nanos)
}
