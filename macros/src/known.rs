//! What may be said in the parentheses of each attribute, as tables.

/// An attribute of this package.
pub(crate) struct Attribute {
    /// What messages call it.
    pub(crate) shown: &'static str,
    pub(crate) kind: Kind,
    /// In the order in which messages list them.
    pub(crate) arguments: &'static [Known],
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Test,
    Main,
}

/// An argument that there is.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) takes: Takes,
    pub(crate) becomes: Becomes,
}

/// What kind of value an argument takes. Any expression will do for all but the first two; a literal is looked
/// at here, to say more than the compiler could.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Takes {
    /// The name of a strategy.
    Strategy,
    /// The path of this crate.
    Crate,
    /// `true` or `false`; without a value, `true`.
    Flag,
    /// A whole number.
    Number,
    /// A whole number from 1.
    Count,
    /// A time such as `"2.5s"`.
    Duration,
    /// Something else, written as in this example.
    Expression(&'static str),
}

/// What an argument turns into.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Becomes {
    /// A call of this method, with the value.
    Call(&'static str),
    /// What the other calls are made on.
    Base,
    /// Nothing by itself.
    Nothing,
}

const fn known(name: &'static str, takes: Takes, becomes: Becomes) -> Known {
    Known { name, takes, becomes }
}

/// An argument with the name of the method that it calls.
const fn call(name: &'static str, takes: Takes) -> Known {
    known(name, takes, Becomes::Call(name))
}

pub(crate) const TEST: Attribute = Attribute {
    shown: "#[simloop::test]",
    kind: Kind::Test,
    arguments: &[
        known("explore", Takes::Strategy, Becomes::Nothing),
        known("depth", Takes::Count, Becomes::Nothing),
        known("runs", Takes::Count, Becomes::Call("max_runs")),
        call("seed", Takes::Number),
        call("seeds", Takes::Count),
        call("max_deviations", Takes::Number),
        call("time_limit", Takes::Duration),
        call("limits", Takes::Expression("Limits::new().turns(10_000)")),
        call("deny_leftovers", Takes::Flag),
        call("require", Takes::Expression("check_report")),
        call("trace", Takes::Expression("Level::Tasks")),
        call("start_time", Takes::Duration),
        call("threads", Takes::Count),
        call("max_failures", Takes::Count),
        call("max_shrink_runs", Takes::Number),
        call("audit", Takes::Number),
        known("explorer", Takes::Expression("Explorer::new()"), Becomes::Base),
        known("crate", Takes::Crate, Becomes::Nothing),
    ],
};

pub(crate) const MAIN: Attribute = Attribute {
    shown: "#[simloop::main]",
    kind: Kind::Main,
    arguments: &[
        call("seed", Takes::Number),
        call("policy", Takes::Expression("Random::new(7)")),
        call("replay", Takes::Expression("\"v1:4=1/2\"")),
        call("trace", Takes::Expression("Level::Full")),
        call("echo", Takes::Flag),
        call("limits", Takes::Expression("Limits::new().turns(10_000)")),
        call("deny_leftovers", Takes::Flag),
        call("start_time", Takes::Duration),
        call("blocking_workers", Takes::Count),
        call("cores", Takes::Count),
        known("builder", Takes::Expression("Builder::new()"), Becomes::Base),
        known("crate", Takes::Crate, Becomes::Nothing),
    ],
};

/// The strategies of a search, by the names that `explore` takes.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Strategy {
    /// A number of runs that draw their schedules, by this method.
    Drawn(&'static str),
    /// Priorities, with a depth.
    Pct,
    /// Every schedule, by this method.
    Every(&'static str),
    /// The first-in first-out schedule alone.
    Fifo,
}

pub(crate) const STRATEGIES: [(&str, Strategy); 11] = [
    ("portfolio", Strategy::Drawn("portfolio")),
    ("random", Strategy::Drawn("random")),
    ("pct", Strategy::Pct),
    ("walk", Strategy::Drawn("walk")),
    ("chase", Strategy::Drawn("chase")),
    ("dash", Strategy::Drawn("dash")),
    ("relay", Strategy::Drawn("relay")),
    ("pos", Strategy::Drawn("pos")),
    ("exhaustive", Strategy::Every("exhaustive")),
    ("reduced", Strategy::Every("reduced")),
    ("fifo", Strategy::Fifo),
];

/// Names from elsewhere, with what is meant by them here.
pub(crate) const ALIASES: [(&str, &str); 9] = [
    ("iterations", "runs"),
    ("max_iterations", "runs"),
    ("schedules", "runs"),
    ("strategy", "explore"),
    ("preemption_bound", "max_deviations"),
    ("timeout", "time_limit"),
    ("dfs", "exhaustive"),
    ("dpor", "reduced"),
    ("urw", "walk"),
];

/// Arguments from elsewhere that have nothing to say here, with why.
pub(crate) const NEEDLESS: [(&str, &str); 1] =
    [("start_paused", "time is always virtual, and jumps when all tasks wait; leave it out")];

/// The word of `words` that was probably meant by `word`.
pub(crate) fn meant(word: &str, words: &[&'static str]) -> Option<&'static str> {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == word).map(|&(_, name)| name);
    if let Some(name) = alias.filter(|name| words.contains(name)) {
        return Some(name);
    }
    let mut nearest: Option<(usize, &str)> = None;
    for &name in words {
        let distance = distance(word, name);
        let is_near = distance <= 1 + name.len() / 4;
        if is_near && nearest.is_none_or(|(least, _)| distance < least) {
            nearest = Some((distance, name));
        }
    }
    nearest.map(|(_, name)| name)
}

/// The edit distance: how many bytes to insert, to leave out or to change. All names are of one byte a letter.
fn distance(one: &str, other: &str) -> usize {
    let other = other.as_bytes();
    let mut row = vec![0];
    for column in 0..other.len() {
        row.push(column + 1);
    }
    for (place, letter) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = place + 1;
        for column in 0..other.len() {
            let changed = diagonal + usize::from(letter != other[column]);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}
