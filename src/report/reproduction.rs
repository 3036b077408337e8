//! The one line that brings a run back.

use crate::policy::Schedule;

/// Longest schedule that is written into the line when the policy's own source would do.
const SCHEDULE_SHOWN_MAX: usize = 200;

/// What it takes to run the same program the same way.
#[derive(Debug)]
pub(crate) struct Reproduction<'a> {
    pub(crate) seed: u64,
    pub(crate) schedule: &'a Schedule,
    /// The line that is being replayed, if one is, whether or not it turned out to fit.
    pub(crate) replayed: Option<&'a str>,
    /// Rust source of the policy, if it can say.
    pub(crate) policy: Option<String>,
}

impl Reproduction<'_> {
    /// Writes a Rust expression that makes the builder.
    ///
    /// A schedule is preferred, since it holds even when the policy's draws come to mean something else; a
    /// long one gives way to the policy that drew it.
    pub(crate) fn line(&self) -> String {
        if let Some(replayed) = self.replayed {
            return format!("{}.replay({replayed:?})", self.seeded());
        }
        if self.schedule.is_empty() {
            return self.seeded();
        }
        let schedule = self.schedule.to_string();
        if self.policy.is_some() && schedule.len() > SCHEDULE_SHOWN_MAX {
            return self.with_policy();
        }
        format!("{}.replay(\"{schedule}\")", self.seeded())
    }

    /// The same with the policy, whatever it chose.
    pub(crate) fn with_policy(&self) -> String {
        match &self.policy {
            Some(policy) => format!("{}.policy({policy})", self.seeded()),
            None => self.seeded(),
        }
    }

    fn seeded(&self) -> String {
        match self.seed {
            0 => "Builder::new()".to_owned(),
            seed => format!("Builder::new().seed({seed})"),
        }
    }
}
