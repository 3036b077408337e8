//! What a task is to its children. Apart from the tasks, most of which have none.

use super::super::groups::Member;
use super::super::ordered::Texts;
use super::{NO_SLOT, TaskTable};

/// The children of one task, or of none, and what few tasks have besides.
#[derive(Default)]
pub(super) struct Family {
    /// Children that still have a slot. Those of no task are not counted.
    pub(super) kept: u32,
    /// Children spawned without a name.
    pub(super) unnamed: u32,
    pub(super) extras: Option<Box<Extras>>,
}

/// What hardly a task has: children with names, a place in a group that fits no word.
#[derive(Default)]
pub(super) struct Extras {
    /// The names of the children it has spawned, which share the texts.
    pub(super) names: Texts,
    /// How many of each name there were, by its number: the source of the indices in paths.
    named: Vec<u32>,
    pub(super) member: Option<Member>,
}

impl Family {
    /// Counts one more child of a name, or of none, and returns how many there were before.
    #[inline(always)]
    fn number_child(&mut self, name: Option<&str>) -> u32 {
        let count = match name {
            None => &mut self.unnamed,
            Some(name) => self.count_of(name),
        };
        *count += 1;
        *count - 1
    }

    #[inline(never)]
    fn count_of<'a>(&'a mut self, name: &str) -> &'a mut u32 {
        let Extras { names, named, .. } = &mut **self.extras.get_or_insert_default();
        let number = names.number(name) as usize;
        if number == named.len() {
            named.push(0);
        }
        &mut named[number]
    }

    /// How many children of this name there were, or of none.
    pub(super) fn count(&self, name: Option<&str>) -> u32 {
        let Some(name) = name else { return self.unnamed };
        let number = self.extras.as_ref().and_then(|own| Some((own, own.names.find(name)?)));
        number.map_or(0, |(own, number)| own.named[number as usize])
    }

    /// There are no children, and nothing is left of those that there were.
    pub(super) fn is_empty(&self) -> bool {
        self.kept == 0 && self.unnamed == 0 && self.extras.is_none()
    }
}

impl TaskTable {
    /// Counts one more child of a task, or of none, and returns how many of its name there were before.
    #[inline(always)]
    pub(super) fn number_child(&mut self, parent: u32, name: Option<&str>) -> u32 {
        match self.families.get_mut(parent as usize) {
            Some(family) => {
                family.kept += 1;
                family.number_child(name)
            }
            None => self.number_first(parent, name),
        }
    }

    /// The same for the first of its parent, and for one without.
    #[cold]
    #[inline(never)]
    fn number_first(&mut self, parent: u32, name: Option<&str>) -> u32 {
        if parent == NO_SLOT {
            return self.top.number_child(name);
        }
        let family = self.family_mut(parent);
        family.kept += 1;
        family.number_child(name)
    }

    pub(super) fn family_mut(&mut self, slot: u32) -> &mut Family {
        let slot = slot as usize;
        if slot >= self.families.len() {
            self.families.resize_with(slot + 1, Family::default);
        }
        &mut self.families[slot]
    }

    /// The children of a task, or of none, if there were any.
    pub(super) fn family(&self, parent: u32) -> Option<&Family> {
        match parent {
            NO_SLOT => Some(&self.top),
            parent => self.families.get(parent as usize),
        }
    }

    /// Says whether children of a task are in the table.
    #[inline]
    pub(super) fn has_children(&self, slot: u32) -> bool {
        self.families.get(slot as usize).is_some_and(|family| family.kept > 0)
    }

    /// Forgets the children of a task that leaves the table, which have left it.
    #[inline(always)]
    pub(super) fn forget_family(&mut self, slot: u32) {
        if let Some(family) = self.families.get_mut(slot as usize) {
            debug_assert!(family.kept == 0, "its children still have a parent");
            family.unnamed = 0;
            if family.extras.is_some() {
                drop_extras(family);
            }
        }
    }
}

#[inline(never)]
fn drop_extras(family: &mut Family) {
    family.extras = None;
}
