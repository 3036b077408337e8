//! Task-local values: what each task holds, and what its children take over.
//!
//! The values of a task are one shared list, copied when it is written to while a child still shares it. So a
//! child's snapshot costs one count, and neither side sees what the other changes later. Tasks without values
//! have no list; a loop without any looks at one number for each spawn and each end.
//!
//! The values are the program's: they are moved out before they are dropped, and no borrow is held then.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use super::context;
use super::core::Core;
use crate::kernel::TaskKey;

/// A value. In an `Arc` so that the future of a scope, which keeps it between polls, may be `Send` (S30).
pub(crate) type LocalValue = Arc<dyn Give>;

/// What can be given out under its own type. `Arc<dyn Any>` can, but only where it is `Send` and `Sync`.
pub(crate) trait Give {
    /// Moves the value into `place`, if that is an empty `Option<Arc<Self>>`.
    fn give(self: Arc<Self>, place: &mut dyn Any);
}

impl<T: 'static> Give for T {
    fn give(self: Arc<Self>, place: &mut dyn Any) {
        if let Some(place @ None) = place.downcast_mut::<Option<Arc<T>>>() {
            *place = Some(self);
        }
    }
}

/// Tells keys apart. It is where the key's static lies, which is compared for equality and never shown.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct LocalId(usize);

impl LocalId {
    /// Makes the id of a key that is no zero-sized type: two of those might lie at one place.
    pub(crate) fn of<K>(key: &'static K) -> LocalId {
        const { assert!(size_of::<K>() > 0) };
        LocalId(std::ptr::from_ref(key).addr())
    }
}

/// In the order in which the keys were first set: a task has few, and they are dropped in that order.
type Values = Vec<(LocalId, LocalValue)>;

/// The values of all tasks of a loop.
#[derive(Default)]
pub(super) struct Locals {
    /// Tasks that have a list.
    used: Cell<usize>,
    /// By slot. No list is empty.
    lists: RefCell<Vec<Option<Rc<Values>>>>,
}

impl Locals {
    #[inline]
    pub(super) fn are_used(&self) -> bool {
        self.used.get() > 0
    }

    fn find(&self, task: TaskKey, id: LocalId) -> Option<LocalValue> {
        let lists = self.lists.borrow();
        let values = lists.get(task.slot() as usize)?.as_deref()?;
        values.iter().find(|(own, _)| *own == id).map(|(_, value)| Arc::clone(value))
    }

    fn replace(&self, task: TaskKey, id: LocalId, value: Option<LocalValue>) -> Option<LocalValue> {
        let mut lists = self.lists.borrow_mut();
        let list = place(&mut lists, task);
        let was_used = list.is_some();
        let values = Rc::make_mut(list.get_or_insert_default());
        let place = values.iter().position(|(own, _)| *own == id);
        let before = match (place, value) {
            (Some(place), Some(value)) => Some(std::mem::replace(&mut values[place].1, value)),
            (Some(place), None) => Some(values.remove(place).1),
            (None, Some(value)) => {
                values.push((id, value));
                None
            }
            (None, None) => None,
        };
        if values.is_empty() {
            *list = None;
        }
        self.count(was_used, list.is_some());
        before
    }

    fn take(&self, task: TaskKey) -> Option<Rc<Values>> {
        let list = self.lists.borrow_mut().get_mut(task.slot() as usize)?.take();
        self.count(list.is_some(), false);
        list
    }

    fn count(&self, was_used: bool, is_used: bool) {
        self.used.set(self.used.get() + usize::from(is_used) - usize::from(was_used));
    }
}

/// The place of a task's list.
fn place(lists: &mut Vec<Option<Rc<Values>>>, task: TaskKey) -> &mut Option<Rc<Values>> {
    let slot = task.slot() as usize;
    while slot >= lists.len() {
        lists.push(None);
    }
    &mut lists[slot]
}

impl Core {
    /// Gives a new task the values that its parent has at this moment.
    #[cold]
    pub(super) fn inherit_locals(&self, parent: Option<TaskKey>, child: TaskKey) {
        let Some(parent) = parent else { return };
        let mut lists = self.locals.lists.borrow_mut();
        let Some(Some(values)) = lists.get(parent.slot() as usize).cloned() else { return };
        *place(&mut lists, child) = Some(values);
        self.locals.count(false, true);
    }

    /// Drops the values of a task that ends. It is still the running one, so their destructors are its own.
    #[cold]
    pub(super) fn forget_locals(&self, task: TaskKey) {
        // A destructor may set a value in its turn. What was left would be the next task's of this slot, so
        // after some rounds it is leaked instead.
        for _ in 0..8 {
            let Some(values) = self.locals.take(task) else { return };
            self.drop_foreign("a task-local value", values);
        }
        std::mem::forget(self.locals.take(task));
    }

    fn running_task(&self) -> Option<TaskKey> {
        self.state().kernel.running()
    }
}

/// Returns what the running task has under a key; none outside a task.
pub(crate) fn local_value(id: LocalId) -> Option<LocalValue> {
    context::try_with(|core| core.locals.find(core.running_task()?, id)).flatten()
}

/// Puts a value under a key of the running task, or takes it away, and returns the one before.
///
/// # Errors
///
/// Outside a task it returns the value.
pub(crate) fn replace_local(
    id: LocalId,
    value: Option<LocalValue>,
) -> Result<Option<LocalValue>, Option<LocalValue>> {
    let Some(core) = context::try_current() else { return Err(value) };
    let Some(task) = core.running_task() else { return Err(value) };
    Ok(core.locals.replace(task, id, value))
}
