//! What tasks and resources are called in a trace.

use crate::kernel::ordered::{Map, Texts};
use crate::kernel::{Family, Log, NO_TASK, Paths, ResourceEntry, Step, TaskEntry, UNNAMED};

pub(super) struct Names {
    /// Of the tasks, by serial.
    pub(super) paths: Vec<Box<str>>,
    /// The place of each resource among those of its kind and name, where there are several.
    pub(super) indices: Vec<Option<usize>>,
}

impl Names {
    pub(super) fn new(Log { tasks, resources, .. }: &Log) -> Names {
        Names { paths: paths(tasks), indices: indices(resources) }
    }
}

/// The place of each resource among those of the same kind and name, where there are several.
fn indices(resources: &[ResourceEntry]) -> Vec<Option<usize>> {
    let (mut texts, mut counts) = (Texts::default(), Map::<_, usize>::new());
    let mut places = Vec::with_capacity(resources.len());
    for ResourceEntry { kind, name } in resources {
        let kind = texts.number(kind);
        let called = (kind, name.as_deref().map(|name| texts.number(name)));
        let count = counts.get_or_default(called);
        places.push((called, *count));
        *count += 1;
    }
    let mut indices = Vec::with_capacity(resources.len());
    for &(called, place) in &places {
        let is_shared = counts.get(called).is_some_and(|&count| count > 1);
        indices.push(is_shared.then_some(place));
    }
    indices
}

/// Writes the paths of all tasks.
fn paths(tasks: &[TaskEntry]) -> Vec<Box<str>> {
    let (mut names, mut siblings) = (Texts::default(), Map::<_, u32>::new());
    let mut called = Vec::with_capacity(tasks.len());
    for TaskEntry { parent, name, .. } in tasks {
        let name = name.as_deref().map(|name| names.number(name));
        called.push((*parent, name));
        *siblings.get_or_default((*parent, name)) += 1;
    }
    let mut shared = Vec::with_capacity(tasks.len());
    for &called in &called {
        shared.push(siblings.get(called).is_some_and(|&count| count > 1));
    }
    let family = Tasks { tasks, shared };
    let (mut paths, mut shown) = (Paths::new(&family), Vec::with_capacity(tasks.len()));
    for serial in 0..tasks.len() {
        shown.push(paths.shown(serial as u32).into());
    }
    shown
}

/// The tasks of a log, by serial.
struct Tasks<'a> {
    tasks: &'a [TaskEntry],
    /// Whether a sibling has the same name.
    shared: Vec<bool>,
}

impl Family for Tasks<'_> {
    fn step(&self, task: u32) -> Step<'_> {
        let is_shared = self.shared[task as usize];
        let task = &self.tasks[task as usize];
        Step { name: task.name.as_deref().unwrap_or(UNNAMED), index: task.index, is_shared }
    }

    fn parent(&self, task: u32) -> Option<u32> {
        Some(self.tasks[task as usize].parent).filter(|&parent| parent != NO_TASK)
    }
}
