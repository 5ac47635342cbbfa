//! Plain text tables for people: first column to the left, the others to the right.

use mien_host::by_name::ByName;

/// Rows of cells; short rows are fine.
#[derive(Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Appends a row.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// Lines with two spaces between columns, each ended by a newline.
    pub fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width_of = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width_of).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                match column {
                    0 => line += &format!("{cell:<width$}"),
                    _ => line += &format!("  {cell:>width$}"),
                }
            }
            text += line.trim_end();
            text.push('\n');
        }
        text
    }
}

/// A confusion matrix: rows are the truth, columns the verdicts, the last column the recall.
pub fn confusion(recall: &ByName<Option<f64>>, counts: &[Vec<u64>]) -> String {
    let labels = || recall.0.iter().map(|(label, _)| label.clone());
    let mut table = Table::default();
    let corner = "truth \\ verdict".to_owned();
    let head = [corner].into_iter().chain(labels());
    table.row(head.chain(["recall".into()]));
    for ((label, recall), counts) in recall.0.iter().zip(counts) {
        let recall = recall.map_or("-".into(), |share| format!("{:.1}%", 100.0 * share));
        let counts = counts.iter().map(u64::to_string);
        table.row([label.clone()].into_iter().chain(counts).chain([recall]));
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::default();
        table.row(["class", "n"]);
        table.row(["überrascht", "1234"]);
        table.row(["sad", "5"]);
        assert_eq!(
            table.render(),
            "class          n\nüberrascht  1234\nsad            5\n"
        );
    }
}
