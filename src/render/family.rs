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
    let top = children.remove(None).unwrap_or_default();
    // A stack of its own, because a task may have as many ancestors as there are tasks.
    let mut stack: Vec<(TaskId, usize)> = top.into_iter().rev().map(|task| (task, 0)).collect();
    while let Some((task, depth)) = stack.pop() {
        order.push(task);
        depths.push(depth);
        let below = children.remove(Some(task)).unwrap_or_default();
        stack.extend(below.into_iter().rev().map(|child| (child, depth + 1)));
    }
    (order, depths)
}

/// The part after the last slash that is not part of a name: those are escaped.
pub(super) fn last_step(path: &str) -> &str {
    let backslashes =
        |place: usize| path[..place].bytes().rev().take_while(|&b| b == b'\\').count();
    let mut slashes = path.rmatch_indices('/').map(|(place, _)| place);
    slashes.find(|&place| backslashes(place) % 2 == 0).map_or(path, |place| &path[place + 1..])
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
