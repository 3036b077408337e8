//! What a search found, as the text that a reader is meant to see.

use std::fmt::{self, Display, Formatter};

use super::exploration::{Exploration, Extent, Finding, OutcomeCount, REDUCED};
use crate::kernel::shortened;
use crate::report::FailureKind;
use crate::trace::{joined, split_at_last};

/// Outcomes that are told in one line, and at most.
const OUTCOMES_IN_LINE: usize = 4;
const OUTCOMES_SHOWN: usize = 12;

/// The width in characters that an outcome is given.
const OUTCOME_WIDTH: usize = 70;

/// Findings that are told in full, and those after them that are told in a line.
const FINDINGS_SHOWN: usize = 3;
const FINDINGS_LISTED: usize = 10;

impl Display for Exploration {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut blocks = Vec::new();
        for finding in self.findings.iter().take(FINDINGS_SHOWN) {
            blocks.push(self.told(finding));
        }
        if let Some(others) = self.findings.get(FINDINGS_SHOWN..).filter(|it| !it.is_empty()) {
            blocks.push(more_failures(others));
        }
        if self.findings.is_empty() {
            blocks.push(format!("{}{}", self.summary(), self.shown_outcomes()));
        }
        f.write_str(&joined(&blocks, "\n\n"))
    }
}

impl Display for Finding {
    #[inline]
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&told(self, "", ""))
    }
}

impl Exploration {
    /// The first line of a search that found nothing.
    fn summary(&self) -> String {
        let is_reduced = self.strategy == REDUCED;
        let (one, many) = match is_reduced {
            true => ("kind of schedule", "kinds of schedules"),
            false => ("schedule", "schedules"),
        };
        if self.runs == 0 {
            let reason = if is_reduced { ": a reduced search is made by the first" } else { "" };
            return format!("nothing to run{}{reason}", self.shown_shard());
        }
        let runs = counted(self.runs, one, many);
        // `which` says which ones are meant: "all 3 schedules with up to 2 deviations pass".
        let all = |which: &str| match self.runs {
            1 => format!("the only {one}{which} passes"),
            runs => format!("all {} {many}{which} pass", grouped(runs)),
        };
        let pass = if self.runs == 1 { "passes" } else { "pass" };
        let what = match self.extent {
            Extent::Complete => all(""),
            Extent::WithinTime => {
                format!("{}, with nothing tried after the limit on time", all(""))
            }
            Extent::WithinDeviations(most) if is_reduced && most > 0 => {
                format!("{runs} {pass}, none with more than {}; there are more", deviations(most))
            }
            Extent::WithinDeviations(most) => format!("{}; there are more", all(&up_to(most))),
            Extent::CutOff(whole) => {
                let whole = whole.map(|most| format!("; all{} were run", up_to(most)));
                let whole = whole.unwrap_or_default();
                format!("{runs} {pass}, then the limit on runs ended the search{whole}")
            }
            Extent::Replayed => "the replayed schedule passes".to_owned(),
            _ => {
                let runs = counted(self.runs, "run", "runs");
                format!("{runs} {pass} ({}, {})", self.strategy, self.shown_seeds())
            }
        };
        let interleavings = counted(self.interleavings, "interleaving", "interleavings");
        let seeds = match (self.seeds, self.extent) {
            (1, _) | (_, Extent::Drawn) => String::new(),
            _ => format!(", {}", self.shown_seeds()),
        };
        format!("{what}{}, {interleavings}{seeds}", self.shown_shard())
    }

    fn shown_seeds(&self) -> String {
        match self.seeds {
            1 => format!("seed {}", self.seed),
            count => format!("seeds {} to {}", self.seed, self.seed.wrapping_add(count - 1)),
        }
    }

    /// Which part of a search this is, where there are several.
    fn shown_shard(&self) -> String {
        match self.shard {
            (_, 1) => String::new(),
            _ if self.extent == Extent::Replayed => String::new(),
            (index, count) => format!(" in shard {index} of {count}"),
        }
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
            let mut line = format!("\n  outcomes: {head}");
            for outcome in rest {
                let shown = shown(outcome);
                line.push_str(&match is_rest(outcome) {
                    true => format!(", the rest: {shown}"),
                    false => format!(", {}: {shown}", grouped(outcome.runs)),
                });
            }
            return line;
        }
        let more = self.outcomes.len().saturating_sub(OUTCOMES_SHOWN);
        let mut others = self.other_outcomes;
        for outcome in self.outcomes.iter().skip(OUTCOMES_SHOWN) {
            others += outcome.runs;
        }
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

    /// A failure as told by itself, with how it was found and what else there was.
    fn told(&self, finding: &Finding) -> String {
        let provenance = match self.extent {
            Extent::Refused => String::new(),
            _ => self.provenance(finding),
        };
        let histogram = match self.findings.len() {
            1 => self.shown_outcomes(),
            _ => String::new(),
        };
        told(finding, &provenance, histogram.strip_prefix('\n').unwrap_or_default())
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
                    finding.first_run, self.strategy, finding.seed
                )
            }
            (extent, runs) => format!(
                "found in {} of {}{} runs ({}, {}){shard}, first in run {}{}",
                grouped(runs),
                if extent == Extent::Complete { "all " } else { "" },
                grouped(self.runs),
                self.strategy,
                self.shown_seeds(),
                finding.first_run,
                if self.seeds > 1 { format!(" with seed {}", finding.seed) } else { String::new() }
            ),
        };
        let (first, count) = (
            finding.first_schedule.deviations().count() as u32,
            finding.schedule.deviations().count() as u32,
        );
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

/// A failure: what happened, how it was found, what it hangs on, the two runs, how to see it again.
fn told(finding: &Finding, provenance: &str, histogram: &str) -> String {
    let failure = finding.failure.to_string();
    let (what, replay) = split_at_last(&failure, "  replay: ").unwrap_or((&failure, ""));
    match finding.failure.kind() {
        // There is no run that a line could bring back.
        FailureKind::InvalidSearch { .. } => return what.trim_end().to_owned(),
        // Nor is there one to show: the line brings back the run around the search.
        FailureKind::NestedLoop { .. } => return failure,
        _ => {}
    }
    let mut text = format!("{what}{provenance}");
    for line in finding.sentence.lines() {
        text.push_str(&format!("  {line}\n"));
    }
    if !finding.columns.is_empty() {
        text.push('\n');
        text.push_str(&finding.columns);
    }
    if !histogram.is_empty() {
        text.push_str(&format!("{histogram}\n"));
    }
    format!("{text}  replay: {replay}")
}

/// One line for each failure that is not told in full, as far as there is room.
fn more_failures(others: &[Finding]) -> String {
    let mut text = format!("and {}", counted(others.len() as u64, "more failure", "more failures"));
    for finding in others.iter().take(FINDINGS_LISTED) {
        let failure = finding.failure.to_string();
        text.push_str(&format!("\n  {}", failure.lines().next().unwrap_or_default()));
    }
    if others.len() > FINDINGS_LISTED {
        text.push_str("\n  ...");
    }
    text
}

fn deviations(count: u32) -> String {
    match count {
        0 => "no deviation".to_owned(),
        more => counted(more.into(), "deviation", "deviations"),
    }
}

fn up_to(deviations: u32) -> String {
    match deviations {
        0 => " without deviations".to_owned(),
        more => format!(" with up to {}", counted(more.into(), "deviation", "deviations")),
    }
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

fn cut(text: &str) -> String {
    if text.chars().any(char::is_control) {
        return shortened(text, OUTCOME_WIDTH);
    }
    match text.char_indices().nth(OUTCOME_WIDTH) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// A number with a comma before each three digits.
pub(super) fn grouped(number: u64) -> String {
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
