//! What a search found, as data and as text.

use std::fmt::{self, Display, Formatter};

use crate::policy::Schedule;
use crate::render::Html;
use crate::report::Failure;
use crate::trace::Trace;

/// What a search returns: how far it went, what the runs came to, and the failures, shrunk and explained.
///
/// Its `Display` is the report that a reader is meant to see; [`Explorer::check`](super::Explorer::check)
/// panics with it.
///
/// # Examples
///
/// ```
/// use simloop::explore::{Extent, Explorer};
///
/// let exploration = Explorer::new().exhaustive().run(|| async { simloop::choose(3) });
/// assert_eq!((exploration.runs, exploration.extent), (3, Extent::Complete));
/// assert_eq!(
///     exploration.to_string(),
///     "all 3 schedules pass, 1 interleaving\n  outcomes: 1 of 3 schedules: 0, 1: 1, 1: 2"
/// );
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
#[must_use = "an exploration may hold failures; `unwrap` it, or look at `findings`"]
pub struct Exploration {
    /// How the schedules were chosen, in words: `random`, `exhaustive`.
    pub strategy: String,
    /// The seed of the search, and of the program's random numbers.
    pub seed: u64,
    /// Which part of the search this is, from 1, and of how many; (1, 1) for all of it.
    pub shard: (u64, u64),
    /// Runs made, those for shrinking, explaining and auditing not counted.
    pub runs: u64,
    /// How many of them differ in the order of turns, or in the instants of the turns.
    pub interleavings: u64,
    /// Where the search ended.
    pub extent: Extent,
    /// The outputs of the runs that ended well, most frequent first; of equal ones, the first seen.
    pub outcomes: Vec<OutcomeCount>,
    /// Runs that ended well with outputs beyond the first 1,000 different ones.
    pub other_outcomes: u64,
    /// The failures, in the order in which they were found.
    pub findings: Vec<Finding>,
}

/// Where a search ended, and what that says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Extent {
    /// Every schedule was run.
    Complete,
    /// Every schedule was run in which nothing deviates after the limit on virtual time.
    WithinTime,
    /// Every schedule with up to this number of deviations was run; there are others.
    WithinDeviations(u32),
    /// As many schedules were drawn as was asked for.
    Drawn,
    /// The limit on runs came first. All schedules with up to this number of deviations were run, if any number
    /// was finished.
    CutOff(Option<u32>),
    /// So many failures were found as was asked for.
    Failed,
    /// One schedule was replayed, because `SIMLOOP_REPLAY` said so.
    Replayed,
    /// Nothing was searched: the first run showed that it would make no sense.
    Refused,
}

/// An output, and how many runs had it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct OutcomeCount {
    /// The output's `Debug` text.
    pub shown: String,
    /// The runs.
    pub runs: u64,
}

/// A failure that a search found.
///
/// Failures of the same kind at the same place are one, whatever their instants, schedules and numbers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// The failure of the simplest schedule.
    pub failure: Failure,
    /// The simplest schedule that was found to fail in this way.
    pub schedule: Schedule,
    /// Whether it is known that no schedule with fewer deviations fails so, nor an earlier or smaller one with
    /// as many.
    pub is_simplest: bool,
    /// The number of the first run that failed so, from 1.
    pub first_run: u64,
    /// The schedule of that run.
    pub first_schedule: Schedule,
    /// How many runs of the search failed so.
    pub runs: u64,
    /// What the failure hangs on, in a sentence.
    pub sentence: String,
    /// The failing run beside the nearest that passes, turn by turn, in columns. Empty where they would be
    /// too long.
    pub columns: String,
    /// The two runs, for a page of them.
    pub(super) pair: Pair,
}

/// The failing run, and the nearest that ends otherwise.
#[derive(Clone, Debug, Default)]
pub(super) struct Pair {
    pub(super) failing: Trace,
    /// The run without the last deviation, and its failure if it has one.
    pub(super) nearest: Option<(Trace, Option<Failure>)>,
}

impl Finding {
    /// Returns the records of the failing run. Empty where it took more than 100,000 turns, or did not fail
    /// again.
    pub fn trace(&self) -> &Trace {
        &self.pair.failing
    }

    /// Makes a page of the failing run, and of the nearest that passes to switch to, with the failure and the
    /// sentence: see [`Report::html`](crate::Report::html).
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{choose, explore::Explorer};
    ///
    /// let finding = Explorer::new().run(|| async { assert_eq!(choose(2), 0) }).unwrap_finding();
    /// let page = finding.html().to_string();
    /// assert!(page.contains("data-name=\"fails\"") && page.contains("data-name=\"passes\""));
    /// ```
    pub fn html(&self) -> Html<'_> {
        let page = self.pair.failing.html().title(&self.failure.title());
        let page = page.named("fails").failure(&self.failure).about(&self.sentence);
        match &self.pair.nearest {
            None => page,
            Some((trace, None)) => page.beside("passes", trace),
            Some((trace, Some(failure))) => page.beside("the nearest", trace).failure(failure),
        }
    }
}

// Made only here and by the search.
impl OutcomeCount {
    pub(super) fn new(shown: String, runs: u64) -> Self {
        OutcomeCount { shown, runs }
    }
}

impl Exploration {
    /// Returns the failure that was found first.
    pub fn failure(&self) -> Option<&Failure> {
        self.findings.first().map(|finding| &finding.failure)
    }

    /// Returns itself if no run failed.
    ///
    /// # Panics
    ///
    /// Panics with the rendered report if one did.
    #[track_caller]
    pub fn unwrap(self) -> Self {
        if self.findings.is_empty() {
            return self;
        }
        panic!("{self}")
    }

    /// Returns the finding that came first.
    ///
    /// # Panics
    ///
    /// Panics if no run failed.
    #[track_caller]
    pub fn unwrap_finding(self) -> Finding {
        match self.findings.into_iter().next() {
            Some(finding) => finding,
            None => panic!("a run was expected to fail, and all {} passed", grouped(self.runs)),
        }
    }
}

/// Outcomes that are told in one line, and at most.
const OUTCOMES_IN_LINE: usize = 4;
const OUTCOMES_SHOWN: usize = 12;

/// The width in characters that an outcome is given.
const OUTCOME_WIDTH: usize = 70;

/// Findings that are told in full.
const FINDINGS_SHOWN: usize = 3;

impl Display for Exploration {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut blocks: Vec<String> =
            self.findings.iter().take(FINDINGS_SHOWN).map(|finding| self.told(finding)).collect();
        if self.findings.len() > FINDINGS_SHOWN {
            blocks.push(format!("and {} more failures", self.findings.len() - FINDINGS_SHOWN));
        }
        if self.findings.is_empty() {
            blocks.push(format!("{}{}", self.summary(), self.shown_outcomes()));
        }
        f.write_str(&blocks.join("\n\n"))
    }
}

/// What the search by [`Explorer::reduced`](super::Explorer::reduced) is called.
pub(super) const REDUCED: &str = "reduced";

impl Exploration {
    /// The first line of a search that found nothing.
    fn summary(&self) -> String {
        let is_reduced = self.strategy == REDUCED;
        let (one, many) = match is_reduced {
            true => ("kind of schedule", "kinds of schedules"),
            false => ("schedule", "schedules"),
        };
        let runs = grouped(self.runs);
        let what = match self.extent {
            Extent::Complete => match self.runs {
                1 => format!("the only {one} passes"),
                _ => format!("all {runs} {many} pass"),
            },
            Extent::WithinTime => {
                format!("all {runs} {many} pass that deviate within the limit on time")
            }
            Extent::WithinDeviations(most) if is_reduced => {
                format!(
                    "{runs} {many} pass, none with more than {}; there are more",
                    deviations(most as usize)
                )
            }
            Extent::WithinDeviations(most) => {
                format!(
                    "all {runs} schedules with up to {} pass; there are more",
                    deviations(most as usize)
                )
            }
            Extent::CutOff(Some(whole)) => format!(
                "{runs} schedules pass, then the limit on runs ended the search: all with up to {}, and some \
                 with more",
                deviations(whole as usize)
            ),
            Extent::CutOff(None) => {
                format!("{runs} {many} pass, then the limit on runs ended the search")
            }
            Extent::Replayed => "the replayed schedule passes".to_owned(),
            _ => format!("{runs} runs pass ({}, seed {})", self.strategy, self.seed),
        };
        let shard = match self.shard {
            (_, 1) => String::new(),
            (index, count) => format!(" in shard {index} of {count}"),
        };
        let interleavings = match self.interleavings {
            1 => "1 interleaving".to_owned(),
            many => format!("{} interleavings", grouped(many)),
        };
        format!("{what}{shard}, {interleavings}")
    }

    /// The histogram, or nothing where there is only one outcome without a value.
    fn shown_outcomes(&self) -> String {
        let shown = |outcome: &OutcomeCount| cut(&outcome.shown);
        let [first, rest @ ..] = &self.outcomes[..] else { return String::new() };
        if rest.is_empty() && (first.shown == "()" || first.shown == "Ok(())") {
            return String::new();
        }
        if rest.is_empty() && first.runs == self.runs {
            return format!("\n  outcome: {}", shown(first));
        }
        let one_line = |outcome: &OutcomeCount| outcome.shown.len() <= 12;
        let head = format!(
            "{} of {} schedules: {}",
            grouped(first.runs),
            grouped(self.runs),
            shown(first)
        );
        let is_rest = |last: &OutcomeCount| rest.len() == 1 && first.runs + last.runs == self.runs;
        if rest.len() < OUTCOMES_IN_LINE
            && self.outcomes.iter().all(one_line)
            && self.other_outcomes == 0
        {
            let rest = rest.iter().map(|outcome| match is_rest(outcome) {
                true => format!(", the rest: {}", shown(outcome)),
                false => format!(", {}: {}", grouped(outcome.runs), shown(outcome)),
            });
            return format!("\n  outcomes: {head}{}", rest.collect::<String>());
        }
        let more = self.outcomes.len().saturating_sub(OUTCOMES_SHOWN);
        let others =
            self.outcomes.iter().skip(OUTCOMES_SHOWN).map(|outcome| outcome.runs).sum::<u64>()
                + self.other_outcomes;
        let width = grouped(first.runs.max(others)).len();
        let mut lines = format!("\n  outcomes of {} schedules:", grouped(self.runs));
        for outcome in self.outcomes.iter().take(OUTCOMES_SHOWN) {
            lines.push_str(&format!("\n  {:>width$}  {}", grouped(outcome.runs), shown(outcome)));
        }
        if more > 0 || self.other_outcomes > 0 {
            let at_least = if self.other_outcomes > 0 { "at least " } else { "" };
            let more = more as u64 + u64::from(self.other_outcomes > 0);
            lines.push_str(&format!(
                "\n  {:>width$}  {at_least}{more} other outcomes",
                grouped(others)
            ));
        }
        lines
    }

    /// A failure: what happened, how it was found, what it hangs on, the two runs, how to see it again.
    fn told(&self, finding: &Finding) -> String {
        let failure = finding.failure.to_string();
        let (what, replay) = failure.rsplit_once("  replay: ").unwrap_or((&failure, ""));
        let mut text = what.to_owned();
        if self.extent != Extent::Refused {
            text.push_str(&self.provenance(finding));
        }
        for line in finding.sentence.lines() {
            text.push_str(&format!("  {line}\n"));
        }
        if !finding.columns.is_empty() {
            text.push('\n');
            text.push_str(&finding.columns);
        }
        let histogram = self.shown_outcomes();
        if self.findings.len() == 1 && !histogram.is_empty() {
            text.push_str(&format!("{}\n", &histogram[1..]));
        }
        format!("{text}  replay: {replay}")
    }

    fn provenance(&self, finding: &Finding) -> String {
        let shard = match self.shard {
            (_, 1) => String::new(),
            (index, count) => format!(" of shard {index} of {count}"),
        };
        let found = match (self.extent, finding.runs) {
            (Extent::Replayed, _) => return String::new(),
            (Extent::Failed, 1) => {
                format!(
                    "found in run {} ({}, seed {}){shard}",
                    finding.first_run, self.strategy, self.seed
                )
            }
            (_, runs) => format!(
                "found in {} of {} runs ({}, seed {}){shard}, first in run {}",
                grouped(runs),
                grouped(self.runs),
                self.strategy,
                self.seed,
                finding.first_run
            ),
        };
        let (first, count) =
            (finding.first_schedule.deviations().count(), finding.schedule.deviations().count());
        let shrunk = match (first == count, finding.is_simplest) {
            (true, _) if count == 0 => deviations(0),
            (true, true) => format!("{}, the fewest there can be", deviations(count)),
            (true, false) => deviations(count),
            (false, true) => {
                format!("{first} deviations, shrunk to {count}, the fewest there can be")
            }
            (false, false) => format!("{first} deviations, shrunk to {count}"),
        };
        format!("  {found}: {shrunk}\n")
    }
}

fn deviations(count: usize) -> String {
    match count {
        0 => "no deviation".to_owned(),
        1 => "1 deviation".to_owned(),
        more => format!("{more} deviations"),
    }
}

fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(OUTCOME_WIDTH).flat_map(char::escape_debug).collect();
    if !text.chars().any(char::is_control) {
        shown = text.chars().take(OUTCOME_WIDTH).collect();
    }
    if text.chars().nth(OUTCOME_WIDTH).is_some() {
        shown.push_str("...");
    }
    shown
}

/// A number with a comma before each three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let shown = [0, 999, 1_000, 1_234_567].map(grouped);
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }
}
