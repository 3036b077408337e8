//! Paths: how a task is shown (S18).
//!
//! Every path that is shown is written here, so that a report and a trace cannot differ. A path takes one
//! line and a bounded number of steps: a chain of 100,000 tasks, each spawned by the last, has paths that
//! come to gigabytes if all are written whole.

use std::fmt::Write;

use super::Kernel;

/// Steps up to which a path is shown whole.
const WHOLE_MAX: usize = 16;

/// Steps that a deeper path shows of its beginning.
const HEAD: usize = 4;

/// Steps that a deeper path shows of its end.
const TAIL: usize = 4;

/// What most steps take beside their name: what parts them, and an index.
const STEP_LEN: usize = 5;

/// One step of a path: a name, and its index where siblings share it.
#[derive(Clone, Copy)]
pub(crate) struct Step<'a> {
    pub(crate) name: &'a str,
    pub(crate) index: u32,
    pub(crate) is_shared: bool,
}

/// Writes a path, given from the root down: `main/worker[1]`. A deep one loses its middle.
pub(crate) fn shown_path(steps: &[Step<'_>]) -> String {
    if steps.len() <= WHOLE_MAX {
        return written(steps, 0, &[]);
    }
    let (head, rest) = steps.split_at(HEAD);
    let (middle, tail) = rest.split_at(rest.len() - TAIL);
    written(head, middle.len(), tail)
}

/// The first characters of a text, those that mean something to a line escaped, and dots where there are more.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    let mut shown = String::new();
    for (place, character) in text.chars().enumerate() {
        if place == most {
            return shown + "...";
        }
        write!(shown, "{}", character.escape_debug()).expect("a string takes any text");
    }
    shown
}

/// Says whether a character is shown by its number: it would break the line, turn its direction, or not be
/// seen at all.
pub(crate) fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

fn written(head: &[Step<'_>], left_out: usize, tail: &[Step<'_>]) -> String {
    let mut len = 0;
    for steps in &[head, tail] {
        for step in *steps {
            len += step.name.len() + STEP_LEN;
        }
    }
    let mut shown = String::with_capacity(len);
    for (place, step) in head.iter().enumerate() {
        if place > 0 {
            shown.push('/');
        }
        push_step(&mut shown, step);
    }
    if left_out > 0 {
        shown.push_str(&format!("/...(+{left_out})..."));
    }
    for step in tail {
        shown.push('/');
        push_step(&mut shown, step);
    }
    shown
}

/// Appends one step. What stands for something in a path is escaped in a name, so that a task named `a/b`
/// is not taken for the child `b` of `a`.
fn push_step(shown: &mut String, step: &Step<'_>) {
    if step.name.is_empty() {
        shown.push_str("\"\"");
    }
    if step.name.bytes().all(is_plain) {
        shown.push_str(step.name);
    } else {
        push_escaped(shown, step.name);
    }
    if step.is_shared {
        write!(shown, "[{}]", step.index).expect("a string takes any text");
    }
}

/// Says whether a byte stands for a character of its own that is shown as it is, as in most names.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-' | b'_' | b'.' | b':' | b'#')
}

#[cold]
fn push_escaped(shown: &mut String, name: &str) {
    for character in name.chars() {
        if is_unseen(character) {
            write!(shown, "{}", character.escape_default()).expect("a string takes any text");
            continue;
        }
        if matches!(character, '/' | '[' | ']' | '"' | '\\') {
            shown.push('\\');
        }
        shown.push(character);
    }
}

/// Tasks by number, each with the step that its own path ends in and its parent.
pub(crate) trait Family {
    fn step(&self, task: u32) -> Step<'_>;
    fn parent(&self, task: u32) -> Option<u32>;
}

/// By slot.
impl Family for Kernel {
    fn step(&self, task: u32) -> Step<'_> {
        self.tasks.step(task)
    }

    fn parent(&self, task: u32) -> Option<u32> {
        self.tasks.parent(&self.tasks[task]).map(|parent| parent.slot())
    }
}

/// Writes the paths of many tasks, in time linear in their number and that of their ancestors.
///
/// Walked up one by one, the paths of a chain would take the square of its length.
pub(crate) struct Paths<'a> {
    family: &'a dyn Family,
    /// By task; grown when first asked, since most lists are empty.
    places: Vec<Place>,
}

/// Where a task stands below the root.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Place {
    /// The steps of its path; 0 where nobody has asked yet.
    depth: usize,
    /// The ancestor whose path is the first [`HEAD`] steps, or the task itself where it has no more.
    head: u32,
}

impl<'a> Paths<'a> {
    pub(crate) fn new(family: &'a dyn Family) -> Self {
        Paths { family, places: Vec::new() }
    }

    /// Goes on with the places that were found before, of a family that has grown since.
    #[cfg(feature = "tracing")]
    pub(crate) fn resumed(family: &'a dyn Family, places: Vec<Place>) -> Self {
        Paths { family, places }
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn into_places(self) -> Vec<Place> {
        self.places
    }

    /// The path of a task, as [`shown_path`] writes it.
    pub(crate) fn shown(&mut self, task: u32) -> String {
        let Place { depth, head } = self.place(task);
        if depth <= WHOLE_MAX {
            return written(&self.last_steps(task, depth), 0, &[]);
        }
        let (first, last) = (self.last_steps(head, HEAD), self.last_steps(task, TAIL));
        written(&first, depth - HEAD - TAIL, &last)
    }

    fn last_steps(&self, task: u32, count: usize) -> Vec<Step<'a>> {
        let (mut steps, mut next) = (Vec::new(), Some(task));
        while let Some(task) = next.filter(|_| steps.len() < count) {
            steps.push(self.family.step(task));
            next = self.family.parent(task);
        }
        steps.reverse();
        steps
    }

    /// Goes up to the first ancestor whose place is known, and notes the places on the way back.
    fn place(&mut self, task: u32) -> Place {
        let (mut unknown, mut next) = (Vec::new(), Some(task));
        let mut place = Place::default();
        while let Some(task) = next {
            if let Some(known) = self.places.get(task as usize).filter(|known| known.depth > 0) {
                place = *known;
                break;
            }
            unknown.push(task);
            next = self.family.parent(task);
        }
        while let Some(task) = unknown.pop() {
            place.depth += 1;
            if place.depth <= HEAD {
                place.head = task;
            }
            while self.places.len() <= task as usize {
                self.places.push(Place::default());
            }
            self.places[task as usize] = place;
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(names: &[&str]) -> String {
        let step = |name| Step { name, index: 0, is_shared: false };
        shown_path(&names.iter().copied().map(step).collect::<Vec<_>>())
    }

    #[test]
    fn s18_no_name_passes_for_another_path() {
        assert_eq!(shown(&["a/b"]), r"a\/b");
        assert_eq!(shown_path(&[Step { name: "w[1]", index: 2, is_shared: true }]), r"w\[1\][2]");
        assert_eq!(shown(&[r"a\", "b"]), r"a\\/b");
        assert_eq!(shown(&[r"a\/b"]), r"a\\\/b");
        assert_eq!(shown(&["", "", r#""""#]), r#"""/""/\"\""#);
        assert_eq!(shown(&["Zähler 深さ (1.5)"]), "Zähler 深さ (1.5)");
    }

    #[test]
    fn s18_a_path_is_one_line_and_reads_in_one_direction() {
        assert_eq!(shown(&["a\nb\u{7f}\u{85}"]), r"a\nb\u{7f}\u{85}");
        for unseen in
            "\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}\u{200e}\u{200f}\u{feff}".chars()
        {
            assert_eq!(shown(&[&unseen.to_string()]), unseen.escape_unicode().to_string());
        }
    }

    #[test]
    fn s18_a_path_of_more_than_sixteen_steps_loses_its_middle() {
        let names: Vec<String> = (0..100).map(|step: u32| step.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(shown(&names[..16]), "0/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15");
        assert_eq!(shown(&names[..17]), "0/1/2/3/...(+9).../13/14/15/16");
        assert_eq!(shown(&names), "0/1/2/3/...(+92).../96/97/98/99");
    }

    /// Each number's parent.
    struct Parents(Vec<Option<u32>>);

    impl Family for Parents {
        fn step(&self, task: u32) -> Step<'_> {
            Step { name: "task", index: task, is_shared: true }
        }

        fn parent(&self, task: u32) -> Option<u32> {
            self.0[task as usize]
        }
    }

    #[test]
    fn s18_paths_in_a_list_are_those_written_one_by_one() {
        // A comb: a chain downwards from the last slot, with a tooth at every step.
        let parents = |task: u32| match task {
            59 => None,
            task if task % 2 == 1 => Some(task + 2),
            task => Some(task + 1),
        };
        let family = Parents((0..60).map(parents).collect());
        let whole = |task: u32| {
            let upwards = std::iter::successors(Some(task), |&task| family.parent(task));
            let mut steps: Vec<_> = upwards.map(|task| family.step(task)).collect();
            steps.reverse();
            shown_path(&steps)
        };
        for order in [(0..60).collect(), (0..60).rev().collect::<Vec<u32>>(), vec![30, 0, 59, 1, 0]]
        {
            let mut paths = Paths::new(&family);
            for task in order {
                assert_eq!(paths.shown(task), whole(task));
            }
        }
    }
}
