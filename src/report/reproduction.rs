//! The one line that brings a run back.

use std::time::Duration;

use super::later::Later;
use crate::kernel::Limits;
use crate::policy::Schedule;

/// Longest schedule that is written into the line when the policy's own source would do.
const SCHEDULE_SHOWN_MAX: usize = 200;

/// What it takes to run the same program the same way.
pub(crate) struct Reproduction {
    pub(crate) seed: u64,
    pub(crate) limits: Limits,
    /// What the wall clock showed at the start, where that was not the default.
    pub(crate) start_time: Option<Duration>,
    pub(crate) deny_leftovers: bool,
    /// Where they were set.
    pub(crate) blocking_workers: Option<usize>,
    pub(crate) cores: Option<usize>,
    pub(crate) schedule: Schedule,
    /// The line that is being replayed, if one is, whether or not it turned out to fit.
    pub(crate) replayed: Option<String>,
    /// Rust source of the policy, if it can say.
    pub(crate) policy: Option<String>,
}

impl Reproduction {
    /// Writes a Rust expression that makes the builder.
    ///
    /// A schedule is preferred, since it holds even when the policy's draws come to mean something else; a
    /// long one gives way to the policy that drew it.
    pub(crate) fn line(self) -> Later<String> {
        Later::new(move || self.written())
    }

    fn written(&self) -> String {
        if let Some(replayed) = &self.replayed {
            return format!("{}.replay({replayed:?})", self.settings());
        }
        if self.schedule.is_empty() {
            return self.settings();
        }
        let schedule = self.schedule.to_string();
        if self.policy.is_some() && schedule.len() > SCHEDULE_SHOWN_MAX {
            return self.with_policy();
        }
        format!("{}.replay(\"{schedule}\")", self.settings())
    }

    /// The same with the policy, whatever it chose.
    pub(crate) fn line_with_policy(self) -> Later<String> {
        Later::new(move || self.with_policy())
    }

    fn with_policy(&self) -> String {
        match &self.policy {
            Some(policy) => format!("{}.policy({policy})", self.settings()),
            None => self.settings(),
        }
    }

    /// The builder with all that was set to something else than the default and bears on the run.
    fn settings(&self) -> String {
        let mut settings = "Builder::new()".to_owned();
        if self.seed != 0 {
            settings.push_str(&format!(".seed({})", self.seed));
        }
        if let Some(limits) = self.limits.source(duration_source) {
            settings.push_str(&format!(".limits({limits})"));
        }
        if let Some(start_time) = self.start_time {
            settings.push_str(&format!(".start_time({})", duration_source(start_time)));
        }
        if self.deny_leftovers {
            settings.push_str(".deny_leftovers(true)");
        }
        if let Some(workers) = self.blocking_workers {
            settings.push_str(&format!(".blocking_workers({workers})"));
        }
        if let Some(cores) = self.cores {
            settings.push_str(&format!(".cores({cores})"));
        }
        settings
    }
}

/// Rust source of a duration, in the largest unit that holds it.
fn duration_source(duration: Duration) -> String {
    match (duration.as_secs(), duration.subsec_nanos()) {
        _ if duration == Duration::MAX => "Duration::MAX".to_owned(),
        (_, 0) => format!("Duration::from_secs({})", duration.as_secs()),
        (seconds, nanos) => {
            let (unit, unit_nanos) =
                if nanos % 1_000_000 == 0 { ("millis", 1_000_000) } else { ("nanos", 1) };
            match u64::try_from(duration.as_nanos() / unit_nanos) {
                Ok(count) => format!("Duration::from_{unit}({count})"),
                Err(_) => format!("Duration::new({seconds}, {nanos})"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s41_a_duration_is_written_in_the_largest_unit_that_holds_it() {
        assert_eq!(duration_source(Duration::ZERO), "Duration::from_secs(0)");
        assert_eq!(duration_source(Duration::from_secs(60)), "Duration::from_secs(60)");
        assert_eq!(duration_source(Duration::from_millis(1500)), "Duration::from_millis(1500)");
        assert_eq!(duration_source(Duration::from_micros(1)), "Duration::from_nanos(1000)");
        assert_eq!(
            duration_source(Duration::new(u64::MAX, 1)),
            "Duration::new(18446744073709551615, 1)"
        );
        assert_eq!(duration_source(Duration::MAX), "Duration::MAX");
    }
}
