//! What the environment of the process says about a search. Read here and nowhere else.

use super::tally::Shard;
use crate::executor::Builder;
use crate::policy::Schedule;
use crate::trace::joined;

/// What was asked for, each thing if it was.
#[derive(PartialEq, Debug, Default)]
pub(super) struct Environment {
    pub(super) seed: Option<u64>,
    pub(super) runs: Option<u64>,
    pub(super) replay: Option<Schedule>,
    pub(super) shard: Option<Shard>,
}

/// A system that runs one job many times, and the variables by which each of them knows its number.
struct System {
    index: &'static str,
    first: First,
    /// The variable with what lies between the numbers of two jobs, where that need not be 1.
    step: Option<&'static str>,
    count: &'static str,
}

const fn system(index: &'static str, first: First, count: &'static str) -> System {
    System { index, first, step: None, count }
}

const SYSTEMS: [System; 6] = [
    System {
        step: Some("SLURM_ARRAY_TASK_STEP"),
        ..system(
            "SLURM_ARRAY_TASK_ID",
            First::Variable("SLURM_ARRAY_TASK_MIN"),
            "SLURM_ARRAY_TASK_COUNT",
        )
    },
    system("CI_NODE_INDEX", First::Number(1), "CI_NODE_TOTAL"),
    system("CIRCLE_NODE_INDEX", First::Number(0), "CIRCLE_NODE_TOTAL"),
    system("BUILDKITE_PARALLEL_JOB", First::Number(0), "BUILDKITE_PARALLEL_JOB_COUNT"),
    system("JOB_COMPLETION_INDEX", First::Number(0), "JOB_COMPLETIONS"),
    // Of `cargo nextest run --stress-count`, which runs each test several times. Its partitions set nothing.
    system("NEXTEST_STRESS_CURRENT", First::Number(0), "NEXTEST_STRESS_TOTAL"),
];

#[derive(Clone, Copy)]
enum First {
    Number(u64),
    Variable(&'static str),
}

/// What nextest writes where there is no number.
const NO_NUMBERS: [&str; 2] = ["none", "unknown"];

/// Shards that there may be, so that runs can be numbered through all of them.
pub(super) const SHARDS_MAX: u64 = u32::MAX as u64;

/// What a search looks for.
const VARIABLES: [&str; 4] = ["SIMLOOP_REPLAY", "SIMLOOP_SHARD", "SIMLOOP_RUNS", "SIMLOOP_SEED"];

impl Environment {
    /// Says whether there is anything to [read](Self::of_process), as there rarely is.
    pub(super) fn is_set() -> bool {
        VARIABLES.iter().any(|name| std::env::var_os(name).is_some())
    }

    /// Reads the variables of this process.
    ///
    /// # Errors
    ///
    /// Returns in words which value makes no sense, and what would.
    pub(super) fn of_process() -> Result<Self, String> {
        Self::read(&|name| Some(std::env::var_os(name)?.to_string_lossy().into_owned()))
    }

    fn read(variable: Variables<'_>) -> Result<Self, String> {
        // An empty variable is how a shell says that there is none.
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let [replay, shards, runs, seed] = VARIABLES;
        let replay = match variable(replay) {
            None => None,
            Some(line) => Some(line.parse().map_err(|error| format!("SIMLOOP_REPLAY: {error}"))?),
        };
        let shard = match variable(shards) {
            None => None,
            Some(text) => Some(shard(&text, &variable)?),
        };
        let runs = number(runs, &variable)?;
        if runs == Some(0) {
            return Err("SIMLOOP_RUNS=0 asks for no run at all".to_owned());
        }
        Ok(Environment { seed: number(seed, &variable)?, runs, replay, shard })
    }
}

/// The values of variables by name.
type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Says whether panics are printed with backtraces (`RUST_BACKTRACE`).
pub(super) fn wants_backtraces() -> bool {
    std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0")
}

/// What one run may be told from outside.
impl Builder {
    /// Lets the environment of the process override seed and schedule: `SIMLOOP_SEED` is a number,
    /// `SIMLOOP_REPLAY` the line of a schedule. [`simloop::main`](macro@crate::main) asks for it.
    ///
    /// # Panics
    ///
    /// Panics if the value of a variable makes no sense, and says what would.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::Builder;
    ///
    /// let report = Builder::new().seed(7).environment().run(async { simloop::choose(3) });
    /// # if std::env::vars().all(|(name, _)| !name.starts_with("SIMLOOP_")) {
    /// // Where nothing is set, nothing changes.
    /// assert_eq!((report.seed, report.unwrap()), (7, 0));
    /// # }
    /// ```
    #[track_caller]
    pub fn environment(self) -> Self {
        match Environment::of_process() {
            Ok(environment) => self.in_environment(environment),
            Err(reason) => panic!("{reason}"),
        }
    }

    fn in_environment(mut self, environment: Environment) -> Self {
        if let Some(seed) = environment.seed {
            self = self.seed(seed);
        }
        match environment.replay {
            Some(schedule) => self.replay_schedule(schedule),
            None => self,
        }
    }
}

fn number(name: &str, variable: Variables<'_>) -> Result<Option<u64>, String> {
    let Some(text) = variable(name) else { return Ok(None) };
    match text.trim().parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(format!("{name}={text:?} is no number from 0 to {}", u64::MAX)),
    }
}

fn shard(text: &str, variable: Variables<'_>) -> Result<Shard, String> {
    let form = || {
        format!(
            "SIMLOOP_SHARD={text:?} has neither the form `i/n`, with i from 1 to n and n up to {SHARDS_MAX}, nor is \
             it `auto`"
        )
    };
    let text = text.trim();
    if text == "auto" || text.starts_with("auto/") {
        return shard_of_system(text.strip_prefix("auto/"), variable);
    }
    let (index, count) = text.split_once('/').ok_or_else(form)?;
    let (index, count): (u64, u64) =
        (index.parse().map_err(|_| form())?, count.parse().map_err(|_| form())?);
    if index == 0 || index > count || count > SHARDS_MAX {
        return Err(form());
    }
    Ok(Shard { index: index - 1, count })
}

/// Finds the number of this job in the variables of the system that runs it. Only when asked to: most systems
/// that number their jobs give each of them other tests to run.
fn shard_of_system(count: Option<&str>, variable: Variables<'_>) -> Result<Shard, String> {
    let variable = |name: &str| variable(name).filter(|it| !NO_NUMBERS.contains(&it.as_str()));
    for system in &SYSTEMS {
        let System { index: index_name, count: count_name, .. } = system;
        let Some(index) = number(index_name, &variable)? else { continue };
        let first = match system.first {
            First::Number(first) => first,
            First::Variable(name) => number(name, &variable)?.unwrap_or(0),
        };
        let step = match system.step {
            Some(name) => number(name, &variable)?.unwrap_or(1).max(1),
            None => 1,
        };
        let count = match count {
            Some(count) => {
                count.parse().map_err(|_| format!("SIMLOOP_SHARD=\"auto/{count}\" has no count after `auto/`"))?
            }
            None => number(count_name, &variable)?.ok_or_else(|| {
                format!("SIMLOOP_SHARD=auto finds {index_name}, and no {count_name}: write `auto/n` with the number of jobs")
            })?,
        };
        let place = index.checked_sub(first).filter(|after| after % step == 0).map(|it| it / step);
        return match place.filter(|place| *place < count && count <= SHARDS_MAX) {
            Some(index) => Ok(Shard { index, count }),
            None => {
                let steps = if step > 1 { format!(" in steps of {step}") } else { String::new() };
                Err(format!(
                    "SIMLOOP_SHARD=auto finds {index_name}={index}, which is not one of {count} from {first}{steps}"
                ))
            }
        };
    }
    let mut names = Vec::new();
    for system in &SYSTEMS {
        names.push(system.index.to_owned());
    }
    Err(format!("SIMLOOP_SHARD=auto finds none of {}", joined(&names, ", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Environment, String> {
        let find = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Environment::read(&find)
    }

    fn shard(variables: &[(&str, &str)]) -> Result<(u64, u64), String> {
        let environment = read(variables)?;
        let Shard { index, count } = environment.shard.expect("it was asked for");
        Ok((index, count))
    }

    #[test]
    fn nothing_is_asked_for_where_nothing_is_set() {
        assert_eq!(read(&[]), Ok(Environment::default()));
        assert_eq!(
            read(&[("SIMLOOP_SEED", ""), ("CI_NODE_INDEX", "2")]),
            Ok(Environment::default())
        );
    }

    #[test]
    fn seed_runs_and_replay_are_read() {
        let environment =
            read(&[("SIMLOOP_SEED", "7"), ("SIMLOOP_RUNS", "50"), ("SIMLOOP_REPLAY", "v1:4=1/2")]);
        let environment = environment.unwrap();
        assert_eq!((environment.seed, environment.runs), (Some(7), Some(50)));
        assert_eq!(environment.replay.unwrap().to_string(), "v1:4=1/2");
    }

    #[test]
    fn one_run_takes_its_seed_and_its_schedule_from_outside() {
        let run = |variables| {
            let builder = Builder::new().seed(1).in_environment(read(variables).unwrap());
            let report = builder.run(async { crate::executor::choose(3) });
            (report.seed, report.unwrap())
        };
        assert_eq!(run(&[]), (1, 0));
        assert_eq!(run(&[("SIMLOOP_SEED", "7"), ("SIMLOOP_REPLAY", "v1:1.1=2/3")]), (7, 2));
    }

    #[test]
    fn a_shard_counts_from_one() {
        assert_eq!(shard(&[("SIMLOOP_SHARD", "2/8")]), Ok((1, 8)));
    }

    #[test]
    fn a_shard_is_found_in_the_variables_of_the_system_when_asked_to() {
        let auto = ("SIMLOOP_SHARD", "auto");
        let slurm = [
            ("SLURM_ARRAY_TASK_ID", "12"),
            ("SLURM_ARRAY_TASK_MIN", "10"),
            ("SLURM_ARRAY_TASK_COUNT", "4"),
        ];
        assert_eq!(shard(&[&[auto], &slurm[..]].concat()), Ok((2, 4)));
        // As of `--array=1-7:2`.
        let slurm_in_steps = [
            ("SLURM_ARRAY_TASK_ID", "7"),
            ("SLURM_ARRAY_TASK_MIN", "1"),
            ("SLURM_ARRAY_TASK_STEP", "2"),
            ("SLURM_ARRAY_TASK_COUNT", "4"),
        ];
        assert_eq!(shard(&[&[auto], &slurm_in_steps[..]].concat()), Ok((3, 4)));
        assert_eq!(shard(&[auto, ("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "3")]), Ok((0, 3)));
        let nextest = [("NEXTEST_STRESS_CURRENT", "2"), ("NEXTEST_STRESS_TOTAL", "3")];
        assert_eq!(shard(&[&[auto], &nextest[..]].concat()), Ok((2, 3)));
        let no_stress = [("NEXTEST_STRESS_CURRENT", "none"), ("NEXTEST_STRESS_TOTAL", "none")];
        assert!(shard(&[&[auto], &no_stress[..]].concat()).unwrap_err().contains("finds none of"));
        let kubernetes = [("SIMLOOP_SHARD", "auto/5"), ("JOB_COMPLETION_INDEX", "4")];
        assert_eq!(shard(&kubernetes), Ok((4, 5)));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_would() {
        let refused = |name: &str, value: &str| read(&[(name, value)]).unwrap_err();
        assert_eq!(
            refused("SIMLOOP_SEED", "x"),
            "SIMLOOP_SEED=\"x\" is no number from 0 to 18446744073709551615"
        );
        assert_eq!(refused("SIMLOOP_RUNS", "0"), "SIMLOOP_RUNS=0 asks for no run at all");
        assert_eq!(
            refused("SIMLOOP_REPLAY", "v2:"),
            "SIMLOOP_REPLAY: `v2:` is not a schedule: this release reads version `v1`, not `v2`"
        );
        for shard in ["3/2", "0/2", "1", "a/b", "1/0", "-1/2", "1/4294967296"] {
            assert_eq!(
                refused("SIMLOOP_SHARD", shard),
                format!(
                    "SIMLOOP_SHARD={shard:?} has neither the form `i/n`, with i from 1 to n and n up to 4294967295, nor \
                     is it `auto`"
                )
            );
        }
        assert!(
            refused("SIMLOOP_SHARD", "auto").starts_with("SIMLOOP_SHARD=auto finds none of SLURM")
        );
        assert_eq!(
            read(&[("SIMLOOP_SHARD", "auto"), ("JOB_COMPLETION_INDEX", "1")]).unwrap_err(),
            "SIMLOOP_SHARD=auto finds JOB_COMPLETION_INDEX, and no JOB_COMPLETIONS: write `auto/n` with the \
             number of jobs"
        );
        let between = [
            ("SIMLOOP_SHARD", "auto/4"),
            ("SLURM_ARRAY_TASK_ID", "4"),
            ("SLURM_ARRAY_TASK_MIN", "1"),
            ("SLURM_ARRAY_TASK_STEP", "2"),
        ];
        assert_eq!(
            read(&between).unwrap_err(),
            "SIMLOOP_SHARD=auto finds SLURM_ARRAY_TASK_ID=4, which is not one of 4 from 1 in steps of 2"
        );
        assert_eq!(
            read(&[("SIMLOOP_SHARD", "auto/2"), ("JOB_COMPLETION_INDEX", "2")]).unwrap_err(),
            "SIMLOOP_SHARD=auto finds JOB_COMPLETION_INDEX=2, which is not one of 2 from 0"
        );
    }
}
