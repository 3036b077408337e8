//! Small programs as values: tasks that yield, sleep, choose and wait for a lock, and their text.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::rc::Rc;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::executor::{choose, spawn_named};
use crate::sync::Mutex;
use crate::task::yield_now;
use crate::time::sleep;

/// A step of a task in a [`Program`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Step {
    /// Goes to the back of the ready tasks.
    Yield,
    /// Sleeps so many milliseconds.
    Sleep(u8),
    /// Chooses one of so many values, and yields so often; with fewer than 2, there is no choice.
    Choose(u8),
    /// Takes the lock that all tasks share, yields, and gives it back.
    Lock,
}

/// A small program: tasks that are spawned together, each with its steps. The root joins them in their order.
///
/// Its text has the steps of each task one after the other, and a bar between the tasks; a task without steps
/// is written as `end`. Read back, it is the same program.
///
/// # Examples
///
/// ```
/// use simloop::{Builder, policy::Random, testing::Program};
///
/// let program: Program = "yield sleep(2) lock | choose(3) | end".parse()?;
/// assert_eq!(program.tasks().len(), 3);
/// assert_eq!(program.to_string(), "yield sleep(2) lock | choose(3) | end");
/// let report = Builder::new().policy(Random::new(1)).run(program.run());
/// assert_eq!(report.ended_at.to_string(), "2ms");
/// // Which task each step was of.
/// assert_eq!(report.unwrap().len(), 4);
/// # Ok::<(), simloop::testing::ProgramError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Program {
    tasks: Vec<Vec<Step>>,
}

impl Program {
    /// Makes the program of these tasks.
    pub fn new(tasks: impl Into<Vec<Vec<Step>>>) -> Self {
        Program { tasks: tasks.into() }
    }

    /// Returns the steps of each task.
    pub fn tasks(&self) -> &[Vec<Step>] {
        &self.tasks
    }

    /// Returns the program as a future. Its output names the task of each step, by its number, in the order in
    /// which the steps were done.
    ///
    /// The tasks are called `t0`, `t1`, ...
    #[inline]
    pub fn run(&self) -> impl Future<Output = Vec<usize>> + use<> {
        self.start(|number| format!("t{number}"), false)
    }

    /// The same with other names, and perhaps with tasks that `linger`: whoever is done yields until all are,
    /// and nobody sleeps, so that a task that is never run is waited for at this one instant.
    #[inline]
    pub(super) fn start(
        &self,
        name: fn(usize) -> String,
        linger: bool,
    ) -> impl Future<Output = Vec<usize>> + use<> {
        let tasks = self.tasks.clone();
        async move {
            let shared =
                Rc::new(Shared { linger, busy: Cell::new(tasks.len()), ..Shared::default() });
            let mut handles = Vec::with_capacity(tasks.len());
            for (number, steps) in tasks.into_iter().enumerate() {
                let performed = perform(number, steps, Rc::clone(&shared));
                handles.push(spawn_named(&name(number), performed));
            }
            for handle in handles {
                handle.await.expect("no step panics");
            }
            shared.done.take()
        }
    }
}

/// What the tasks of a program have in common.
#[derive(Default)]
struct Shared {
    linger: bool,
    /// Tasks with steps left.
    busy: Cell<usize>,
    lock: Arc<Mutex<()>>,
    done: RefCell<Vec<usize>>,
}

async fn perform(number: usize, steps: Vec<Step>, shared: Rc<Shared>) {
    for step in steps {
        match step {
            Step::Sleep(millis) if !shared.linger => {
                sleep(Duration::from_millis(millis.into())).await;
            }
            Step::Yield | Step::Sleep(_) => yield_now().await,
            Step::Choose(alternatives) => {
                for _ in 0..choose(usize::from(alternatives).max(1)) {
                    yield_now().await;
                }
            }
            Step::Lock => {
                let _held = shared.lock.lock().await;
                yield_now().await;
            }
        }
        shared.done.borrow_mut().push(number);
    }
    shared.busy.set(shared.busy.get() - 1);
    while shared.linger && shared.busy.get() > 0 {
        yield_now().await;
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Yield => f.write_str("yield"),
            Step::Sleep(millis) => write!(f, "sleep({millis})"),
            Step::Choose(alternatives) => write!(f, "choose({alternatives})"),
            Step::Lock => f.write_str("lock"),
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, steps) in self.tasks.iter().enumerate() {
            if number > 0 {
                f.write_str(" | ")?;
            }
            for (place, step) in steps.iter().enumerate() {
                f.write_str(if place > 0 { " " } else { "" })?;
                step.fmt(f)?;
            }
            f.write_str(if steps.is_empty() { "end" } else { "" })?;
        }
        Ok(())
    }
}

/// A text that is no [`Program`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProgramError {
    word: String,
}

impl fmt::Display for ProgramError {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no step of a program: there are `yield`, `sleep(2)`, `choose(3)` and `lock`, with numbers up to \
             255; a task without steps is `end`",
            self.word
        )
    }
}

impl std::error::Error for ProgramError {}

impl FromStr for Step {
    type Err = ProgramError;

    fn from_str(word: &str) -> Result<Self, ProgramError> {
        let number = |name: &str| {
            let digits = word.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')')?;
            digits.parse::<u64>().ok()?.try_into().ok()
        };
        match word {
            "yield" => Ok(Step::Yield),
            "lock" => Ok(Step::Lock),
            _ => number("sleep")
                .map(Step::Sleep)
                .or_else(|| number("choose").map(Step::Choose))
                .ok_or_else(|| ProgramError { word: word.to_owned() }),
        }
    }
}

impl FromStr for Program {
    type Err = ProgramError;

    fn from_str(text: &str) -> Result<Self, ProgramError> {
        let mut tasks = Vec::new();
        if text.trim().is_empty() {
            return Ok(Program { tasks });
        }
        for task in text.split('|') {
            let mut steps = Vec::new();
            match task.trim() {
                "end" => {}
                "" => return Err(ProgramError { word: String::new() }),
                words => {
                    for word in words.split_whitespace() {
                        steps.push(word.parse()?);
                    }
                }
            }
            tasks.push(steps);
        }
        Ok(Program { tasks })
    }
}
