//! Who stands below whom in a picture, and by which part of its path.

use crate::kernel::TaskId;
use crate::kernel::ordered::Map;
use crate::trace::Trace;

/// The tasks with parents before their children, and how deep each stands.
pub(super) fn family_order(trace: &Trace) -> (Vec<TaskId>, Vec<usize>) {
    let mut children: Map<Option<TaskId>, Vec<TaskId>> = Map::new();
    for task in trace.tasks() {
        children.get_or_default(trace.parent(task)).push(task);
    }
    let (mut order, mut depths) = (Vec::new(), Vec::new());
    // A stack of its own, because a task may have as many ancestors as there are tasks.
    let mut stack = Vec::new();
    let mut push = |stack: &mut Vec<(TaskId, usize)>, parent: Option<TaskId>, depth: usize| {
        let mut tasks = children.remove(parent).unwrap_or_default();
        while let Some(task) = tasks.pop() {
            stack.push((task, depth));
        }
    };
    push(&mut stack, None, 0);
    while let Some((task, depth)) = stack.pop() {
        order.push(task);
        depths.push(depth);
        push(&mut stack, Some(task), depth + 1);
    }
    (order, depths)
}

/// The part after the last slash that is not part of a name: those are escaped.
pub(super) fn last_step(path: &str) -> &str {
    let (mut step, mut is_escaped) = (0, false);
    for (place, byte) in path.bytes().enumerate() {
        if byte == b'/' && !is_escaped {
            step = place + 1;
        }
        is_escaped = byte == b'\\' && !is_escaped;
    }
    &path[step..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_step_of_a_path_may_have_slashes_in_it() {
        assert_eq!(last_step("main"), "main");
        assert_eq!(last_step("main/a[1]"), "a[1]");
        assert_eq!(last_step(r"main/a\/b"), r"a\/b");
        assert_eq!(last_step(r"main/a\\/b"), "b");
    }
}
