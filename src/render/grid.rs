//! How the units of the axis fall into columns, of text or of pixels, when there are more of them.

use super::layout::{Lane, State};

pub(super) struct Grid {
    units: u64,
    columns: u64,
}

impl Grid {
    /// A unit takes several columns only if all do, and `most` at most.
    pub(super) fn new(units: u64, columns: u64, most: u64) -> Grid {
        let units = units.max(1);
        let scale = columns / units;
        Grid { units, columns: if scale > 0 { units * scale.min(most) } else { columns } }
    }

    pub(super) fn columns(&self) -> usize {
        self.columns as usize
    }

    /// Columns that a unit takes; 0 where several share one.
    pub(super) fn scale(&self) -> u64 {
        self.columns / self.units
    }

    pub(super) fn column(&self, x: u64) -> usize {
        (u128::from(x) * u128::from(self.columns) / u128::from(self.units)) as usize
    }

    /// What a lane shows in each column. Several spans may fall into one: that in which most is done is shown.
    pub(super) fn states(&self, lane: &Lane<'_>) -> Vec<Option<State>> {
        let mut states = vec![None; self.columns()];
        self.add_states(lane, &mut states);
        states
    }

    /// Adds a lane to a row that shows several.
    pub(super) fn add_states(&self, lane: &Lane<'_>, states: &mut [Option<State>]) {
        for span in &lane.spans {
            let (from, to) = (self.column(span.from), self.column(span.to));
            for state in &mut states[from..to.max(from + 1).min(self.columns())] {
                *state = (*state).max(Some(span.state));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_shared_evenly_or_not_at_all() {
        let wide = Grid::new(10, 95, 4);
        assert_eq!((wide.columns(), wide.scale(), wide.column(3)), (40, 4, 12));
        let narrow = Grid::new(10, 5, 4);
        assert_eq!((narrow.columns(), narrow.scale(), narrow.column(3)), (5, 0, 1));
        assert_eq!(narrow.column(9), 4, "the last unit is inside");
    }
}
