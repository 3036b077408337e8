//! Numbers for texts, on the one tree of numbers.

use std::rc::Rc;

use super::tree::Tree;
use crate::kernel::digest::Digest;

/// Numbers texts in the order in which they come, from 0. A text can be shared, as the names of tasks are elsewhere.
///
/// A map under texts would be compiled beside the one under numbers, so a text is found by its fingerprint, or by the
/// next number if another text has that.
#[derive(Default)]
pub(crate) struct Texts {
    texts: Vec<Rc<str>>,
    /// Nothing is ever removed from it, so the place of a fingerprint is the number of its text.
    fingerprints: Tree,
}

impl Texts {
    /// The number of a text, which is the next one if it is new.
    pub(crate) fn number(&mut self, text: &str) -> u32 {
        match self.look_up(text) {
            Ok(number) => number as u32,
            Err(fingerprint) => {
                self.texts.push(text.into());
                self.fingerprints.enter(fingerprint) as u32
            }
        }
    }

    /// Says whether the text is new, and numbers it.
    pub(crate) fn insert(&mut self, text: &str) -> bool {
        let next = self.texts.len() as u32;
        self.number(text) == next
    }

    /// The number of a text that has one.
    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        self.look_up(text).ok().map(|number| number as u32)
    }

    pub(crate) fn text(&self, number: u32) -> &Rc<str> {
        &self.texts[number as usize]
    }

    /// The numbers in the order of the texts, for what is told: whoever has many pays for each with a move of those
    /// behind it.
    pub(crate) fn in_order(&self) -> Vec<u32> {
        let mut sorted = Vec::with_capacity(self.texts.len());
        for number in 0..self.texts.len() as u32 {
            let place = sorted.partition_point(|&other| self.text(other) < self.text(number));
            sorted.insert(place, number);
        }
        sorted
    }

    /// The number of a text, or under what it is to be entered.
    fn look_up(&self, text: &str) -> Result<usize, u128> {
        let mut digest = Digest::default();
        digest.mix_text(text);
        let mut fingerprint = digest.finished().as_u64().into();
        while let Some(number) = self.fingerprints.find(fingerprint) {
            if *self.texts[number] == *text {
                return Ok(number);
            }
            fingerprint += 1;
        }
        Err(fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_found_behind_others_of_its_fingerprint() {
        let mut texts = Texts::default();
        let Err(fingerprint) = texts.look_up("c") else { panic!("it is new") };
        for (place, other) in ["a", "b"].into_iter().enumerate() {
            texts.texts.push(other.into());
            texts.fingerprints.enter(fingerprint + place as u128);
        }
        assert_eq!((texts.find("c"), texts.number("c"), texts.find("c")), (None, 2, Some(2)));
        assert_eq!(texts.in_order(), [0, 1, 2]);
    }

    proptest! {
        #[test]
        fn texts_are_numbered_as_they_come(script in prop::collection::vec("[ab]{0,20}", 0..60)) {
            let (mut texts, mut model) = (Texts::default(), Vec::<String>::new());
            for text in &script {
                let known = model.iter().position(|known| known == text);
                prop_assert_eq!(texts.find(text).map(|number| number as usize), known);
                prop_assert_eq!(texts.insert(text), known.is_none());
                if known.is_none() {
                    model.push(text.clone());
                }
                prop_assert_eq!(model.get(texts.number(text) as usize), Some(text));
            }
            let told = texts.in_order().into_iter().map(|number| texts.text(number).to_string());
            let told: Vec<String> = told.collect();
            model.sort();
            prop_assert_eq!(told, model);
        }
    }
}
