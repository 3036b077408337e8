//! Who waits for whom, as a graph for Graphviz.

use std::fmt;

use super::deadlock::{Deadlock, ResourceWait, Wait, WaitingTask, resource_label};
use crate::kernel::ordered::Texts;
use crate::trace::text::{elide_middle, one_line};

/// Waiting tasks that are drawn at most.
const TASKS_MAX: usize = 200;

/// Arrows from a task, and from a resource, at most.
const ARROWS_MAX: usize = 8;

/// Columns of a text at most.
const TEXT_MAX: usize = 60;

/// The graph of a deadlock; see [`Deadlock::dot`].
#[derive(Clone, Debug)]
#[must_use = "a graph is written by its `Display`"]
pub struct Dot<'a> {
    deadlock: &'a Deadlock,
}

impl Deadlock {
    /// Writes who waits for whom in the DOT language of Graphviz: tasks as boxes, resources as ellipses, an
    /// arrow from each task to what it waits for and from a resource to who holds it. The arrows of a cycle that
    /// is certain are bold.
    ///
    /// Of more than 200 tasks only the first are drawn, and a note says how many are not; of what a task waits
    /// for, the first 8. Resources without a
    /// name that were made by the same line and are held by the same tasks are drawn as one.
    ///
    /// # Examples
    ///
    /// ```
    /// use simloop::{Builder, report::FailureKind, spawn_named};
    ///
    /// let stuck = async { spawn_named("worker", std::future::pending::<()>()).await.unwrap() };
    /// let failure = Builder::new().run(stuck).unwrap_failure();
    /// let FailureKind::Deadlock(deadlock) = failure.kind() else { panic!("{failure}") };
    /// assert!(deadlock.dot().to_string().contains(r#"t0 -> t1 [label="joins since 0s"];"#));
    /// ```
    #[doc(alias = "graphviz")]
    #[inline]
    pub fn dot(&self) -> Dot<'_> {
        Dot { deadlock: self }
    }
}

impl fmt::Display for Dot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = &self.deadlock.waiting;
        let shown = &waiting[..waiting.len().min(TASKS_MAX)];
        let mut graph = Graph::default();
        for task in shown {
            graph.task(&task.path);
        }
        for task in shown {
            for wait in task.waits.iter().take(ARROWS_MAX) {
                self.add_wait(&mut graph, task, wait);
            }
        }
        writeln!(f, "digraph deadlock {{\n  rankdir=LR;")?;
        writeln!(f, "  node [fontname=\"monospace\"];\n  edge [fontname=\"monospace\"];")?;
        for Node { id, shape, label } in &graph.nodes {
            writeln!(f, "  {id} [shape={shape}, label={}];", quoted(label))?;
        }
        for &number in &graph.edge_numbers.in_order() {
            let Edge { from, to, label, is_bold } = &graph.edges[number as usize];
            let style = if *is_bold { ", style=bold" } else { "" };
            writeln!(f, "  {from} -> {to} [label={}{style}];", quoted(label))?;
        }
        if waiting.len() > shown.len() {
            let label = format!("and {} more tasks", waiting.len() - shown.len());
            writeln!(f, "  more [shape=plaintext, label={}];", quoted(&label))?;
        }
        f.write_str("}\n")
    }
}

impl Dot<'_> {
    fn add_wait(&self, graph: &mut Graph, task: &WaitingTask, wait: &Wait) {
        let WaitingTask { path, since, .. } = task;
        let from = graph.task(path);
        let what = match wait {
            Wait::Join(other) => {
                let to = graph.task(other);
                let is_bold = self.is_in_cycle(path, None, other);
                return graph.edge(from, to, format!("joins since {since}"), is_bold);
            }
            Wait::Resource(resource) => return self.add_resource(graph, task, resource),
            Wait::JoinElsewhere(path) => format!("`{path}` of another loop"),
            Wait::Timer(deadline) => format!("a timer for {deadline}"),
            Wait::Never => "a sleep without end".to_owned(),
            Wait::Settle => "the others to settle".to_owned(),
            Wait::Foreign => "a future of its own".to_owned(),
            Wait::PerhapsForeign => "perhaps a future of its own".to_owned(),
            Wait::Nothing => "nothing: nobody holds its waker".to_owned(),
        };
        // Such a thing is nobody else's.
        let key = format!("{path} waits for {what}");
        let to = graph.node('w', "plaintext", key, what);
        graph.edge(from, to, format!("waits since {since}"), false);
    }

    fn add_resource(&self, graph: &mut Graph, task: &WaitingTask, resource: &ResourceWait) {
        let WaitingTask { path, since, .. } = task;
        let label = resource_label(resource.kind, resource.name.as_deref());
        let holders = &resource.holders[..resource.holders.len().min(ARROWS_MAX)];
        let key = format!("{label} {} {holders:?}", resource.made_at);
        let (from, node) = (graph.task(path), graph.node('r', "ellipse", key, label.clone()));
        let mut is_in_cycle = false;
        for holder in holders {
            if let Some(other) = &holder.path {
                let is_bold = self.is_in_cycle(path, Some(&label), other);
                is_in_cycle |= is_bold;
                let to = graph.task(other);
                let held = if holder.may_have_moved { "taken at" } else { "held since" };
                graph.edge(node.clone(), to, format!("{held} {}", holder.since), is_bold);
            }
        }
        graph.edge(from, node, format!("waits since {since}"), is_in_cycle);
    }

    /// Whether the cycle leads from one task to another, by this resource or by joining it.
    fn is_in_cycle(&self, path: &str, resource: Option<&str>, other: &str) -> bool {
        let Deadlock { cycle, is_cycle_certain: true, .. } = self.deadlock else { return false };
        let mut from = cycle.last();
        for link in cycle {
            if from.is_some_and(|from| from.path == path && from.resource.as_deref() == resource)
                && link.path == other
            {
                return true;
            }
            from = Some(link);
        }
        false
    }
}

/// Nodes in the order in which they were added, and arrows in the order of their ends.
#[derive(Default)]
struct Graph {
    nodes: Vec<Node>,
    /// The numbers of the nodes, by what they stand for.
    numbers: Texts,
    edges: Vec<Edge>,
    /// Their numbers, by both ends and the label.
    edge_numbers: Texts,
}

struct Node {
    id: String,
    shape: &'static str,
    label: String,
}

struct Edge {
    from: String,
    to: String,
    label: String,
    is_bold: bool,
}

impl Graph {
    fn task(&mut self, path: &str) -> String {
        self.node('t', "box", format!("task {path}"), path.to_owned())
    }

    /// Returns the name of the node for `key`, and adds the node if there is none.
    fn node(&mut self, letter: char, shape: &'static str, key: String, label: String) -> String {
        let number = self.numbers.number(&key) as usize;
        if number == self.nodes.len() {
            self.nodes.push(Node { id: format!("{letter}{number}"), shape, label });
        }
        self.nodes[number].id.clone()
    }

    fn edge(&mut self, from: String, to: String, label: String, is_bold: bool) {
        let number = self.edge_numbers.number(&format!("{from} {to} {label}")) as usize;
        if number == self.edges.len() {
            self.edges.push(Edge { from, to, label, is_bold: false });
        }
        self.edges[number].is_bold |= is_bold;
    }
}

fn quoted(text: &str) -> String {
    let text = one_line(&elide_middle(text, TEXT_MAX)).replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{text}\"")
}
