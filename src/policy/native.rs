//! Policies that the loop knows by name, so that it asks them without a virtual call, and does not check what they
//! answer.

use super::{Choice, Pct, Policy, Pos, Random, Walk};

/// One of them.
#[derive(Debug)]
pub(crate) enum Native {
    // In boxes, for they go from run to run: so it is two words, which are not moved through memory.
    Random(Box<Random>),
    Walk(Box<Walk>),
    Pos(Box<Pos>),
    Pct(Box<Pct>),
    Scout(Box<Scout>),
}

impl Native {
    /// The number of ready tasks from which it is asked which of them runs.
    pub(crate) fn asked_from(&self) -> usize {
        match self {
            Native::Scout(_) => 1,
            _ => 2,
        }
    }

    /// Picks the task of the coming turn.
    #[inline(always)]
    pub(crate) fn pick(&mut self, choice: &Choice<'_>) -> usize {
        match self {
            Native::Random(random) => random.draw(choice.len() as u64) as usize,
            Native::Walk(walk) => walk.pick(choice),
            Native::Pos(pos) => pos.pick(choice),
            Native::Pct(pct) => pct.pick(choice),
            Native::Scout(scout) => scout.pick(choice),
        }
    }

    /// What is asked for values.
    pub(crate) fn policy(&mut self) -> &mut dyn Policy {
        match self {
            Native::Random(random) => &mut **random,
            Native::Walk(walk) => &mut **walk,
            Native::Pos(pos) => &mut **pos,
            Native::Pct(pct) => &mut **pct,
            Native::Scout(scout) => &mut **scout,
        }
    }
}

/// Goes first-in first-out and counts the turns of each task, by its number, alone or among others: what is alone in
/// this run need not be in another.
#[derive(Debug, Default)]
pub(crate) struct Scout {
    pub(crate) turns: Vec<u64>,
}

impl Scout {
    /// Is asked at every turn.
    fn pick(&mut self, choice: &Choice<'_>) -> usize {
        let task = choice.number(0);
        if task >= self.turns.len() {
            self.turns.resize(task + 1, 0);
        }
        self.turns[task] += 1;
        0
    }
}

impl Policy for Scout {
    fn choose(&mut self, _: &Choice<'_>) -> usize {
        0
    }
}
