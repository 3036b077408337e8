//! Finds a ring in a graph of who waits for whom.

/// Finds the shortest ring of the earliest node that is in one, starting at that node.
///
/// `edges[node]` are the nodes to which `node` has an edge. Takes time and memory in proportion to nodes and
/// edges: Tarjan's strongly connected components (1972) tell who is in a ring, and a search in breadth from the
/// earliest of those finds the way back to it.
pub(super) fn ring(edges: &[Vec<usize>]) -> Vec<usize> {
    let components = components(edges);
    let mut sizes = vec![0_usize; edges.len()];
    for &component in &components {
        sizes[component] += 1;
    }
    for start in 0..edges.len() {
        if sizes[components[start]] > 1 || edges[start].contains(&start) {
            return ring_from(start, edges, &components);
        }
    }
    Vec::new()
}

/// The shortest ring of a node that is in one.
fn ring_from(start: usize, edges: &[Vec<usize>], components: &[usize]) -> Vec<usize> {
    let mut before = vec![None; edges.len()];
    let (mut queue, mut seen) = (vec![start], 0);
    while let Some(&node) = queue.get(seen) {
        seen += 1;
        for &next in &edges[node] {
            if next == start {
                let (mut ring, mut last) = (Vec::new(), Some(node));
                while let Some(node) = last {
                    ring.push(node);
                    last = before[node];
                }
                ring.reverse();
                return ring;
            }
            if before[next].is_none() && components[next] == components[start] {
                before[next] = Some(node);
                queue.push(next);
            }
        }
    }
    unreachable!("a node in a ring is reached from itself")
}

/// For each node the number of its strongly connected component: the nodes that reach it and are reached.
///
/// A stack of its own in place of recursion, because a chain of waits may be as long as there are tasks.
fn components(edges: &[Vec<usize>]) -> Vec<usize> {
    const UNSEEN: usize = usize::MAX;
    let mut order = vec![UNSEEN; edges.len()];
    // The earliest node in the order of visits that is reached from here and still on the path.
    let mut lowest = vec![UNSEEN; edges.len()];
    let mut component = vec![UNSEEN; edges.len()];
    let (mut visits, mut components) = (0, 0);
    let mut unassigned = Vec::new();
    let mut walk: Vec<(usize, usize)> = Vec::new();
    for root in 0..edges.len() {
        if order[root] != UNSEEN {
            continue;
        }
        walk.push((root, 0));
        while let Some((node, edge)) = walk.pop() {
            if edge == 0 {
                (order[node], lowest[node]) = (visits, visits);
                visits += 1;
                unassigned.push(node);
            } else {
                let visited = edges[node][edge - 1];
                if component[visited] == UNSEEN {
                    lowest[node] = lowest[node].min(lowest[visited]);
                }
            }
            if let Some(&next) = edges[node].get(edge) {
                walk.push((node, edge + 1));
                if order[next] == UNSEEN {
                    walk.push((next, 0));
                }
            } else if lowest[node] == order[node] {
                while let Some(member) = unassigned.pop() {
                    component[member] = components;
                    if member == node {
                        break;
                    }
                }
                components += 1;
            }
        }
    }
    component
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A graph from pairs.
    fn graph(nodes: usize, pairs: &[(usize, usize)]) -> Vec<Vec<usize>> {
        let mut edges = vec![Vec::new(); nodes];
        pairs.iter().for_each(|&(from, to)| edges[from].push(to));
        edges
    }

    #[test]
    fn s37_the_ring_told_is_the_shortest_of_the_earliest_task_and_starts_there() {
        assert!(ring(&[]).is_empty());
        assert!(ring(&graph(10, &[(0, 1), (1, 2), (2, 9)])).is_empty());
        assert_eq!(ring(&graph(4, &[(3, 3)])), [3], "a task that joins itself");
        assert_eq!(ring(&graph(4, &[(0, 2), (1, 3), (2, 1), (3, 2)])), [1, 3, 2], "0 is not in it");
        // 0 leads into the later ring; 4 leads into one that was walked before.
        let edges = graph(7, &[(0, 5), (1, 2), (2, 1), (4, 2), (5, 6), (6, 5)]);
        assert_eq!(ring(&edges), [1, 2]);
        // One way round is shorter; 3 lies between two rings and in none.
        let edges = graph(6, &[(0, 1), (1, 2), (2, 0), (1, 0), (2, 3), (3, 4), (4, 5), (5, 4)]);
        assert_eq!(ring(&edges), [0, 1]);
    }

    #[test]
    fn s37_a_ring_is_looked_for_in_time_that_does_not_explode() {
        // Each joins the previous one; with a walk from every task this took minutes.
        let edges: Vec<_> =
            (0..100_000_usize).map(|task| task.checked_sub(1).into_iter().collect()).collect();
        assert!(ring(&edges).is_empty());
        let edges: Vec<_> = (0..100_000).map(|task| vec![(task + 1) % 100_000]).collect();
        assert_eq!(ring(&edges).len(), 100_000);
    }

    proptest! {
        /// Against reachability by brute force.
        #[test]
        fn s37_a_ring_is_found_exactly_where_a_node_reaches_itself(
            pairs in prop::collection::vec((0..8usize, 0..8usize), 0..20),
        ) {
            let edges = graph(8, &pairs);
            // The number of steps from one node to another, at least one.
            let mut steps = [[100; 8]; 8];
            pairs.iter().for_each(|&(from, to)| steps[from][to] = 1);
            for via in 0..8 {
                for from in 0..8 {
                    for to in 0..8 {
                        steps[from][to] = steps[from][to].min(steps[from][via] + steps[via][to]);
                    }
                }
            }
            let expected = (0..8).find(|&node| steps[node][node] < 100);
            let found = ring(&edges);
            prop_assert_eq!(found.first().copied(), expected);
            if let Some(start) = expected {
                prop_assert_eq!(found.len(), steps[start][start]);
                for (place, &node) in found.iter().enumerate() {
                    prop_assert!(edges[node].contains(&found[(place + 1) % found.len()]));
                }
            }
        }
    }
}
