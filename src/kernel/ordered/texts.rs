//! Numbers for texts, on the one tree of texts.

use std::collections::BTreeMap;
use std::rc::Rc;

/// Numbers texts in the order in which they come, from 0. A text can be shared, as the names of tasks are elsewhere:
/// that is the other map under texts, of the same types, so that there is one.
#[derive(Default)]
pub(crate) struct Texts(BTreeMap<Rc<str>, u32>);

impl Texts {
    /// The number of a text, which is the next one if it is new.
    pub(crate) fn number(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.0.get(text) {
            return number;
        }
        let number = self.0.len() as u32;
        self.0.insert(text.into(), number);
        number
    }

    /// Says whether the text is new, and numbers it.
    pub(crate) fn insert(&mut self, text: &str) -> bool {
        let next = self.0.len() as u32;
        self.number(text) == next
    }

    /// The texts in order.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = &Rc<str>> {
        self.0.keys()
    }

    /// The numbers in the order of the texts.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.values().copied()
    }
}
