//! The cause and solution of an imported ticket: as its attribution if the source has all parts of it, otherwise as a text. Pure.

use super::super::model::{Field, Row};
use crate::kernel::{Locale, Message};
use crate::knowledge::decide::{fault_name, level_name};
use crate::msg;
use crate::tickets::model::{Attribution, AttributionDetails, FaultType, RootCauseLevel, Ticket};

/// What the rows of a ticket say of its cause and solution; of a log, the last value of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceSolution {
    pub fault_type: Option<FaultType>,
    pub root_cause_level: Option<RootCauseLevel>,
    pub cause_tag: Option<String>,
    pub solution_tag: Option<String>,
    pub resolution: Option<String>,
}

/// An attribution, or what there is of it.
pub enum SourceAttribution {
    /// The source says nothing of cause and solution.
    Nothing,
    Whole(Attribution),
    /// These fields have no value, so it is kept as a text and counts in no figure about causes.
    Text {
        solution: SourceSolution,
        missing: Vec<Field>,
    },
}

impl SourceSolution {
    pub fn of(rows: &[Row]) -> Self {
        fn last<T: Clone>(rows: &[Row], of: fn(&Row) -> &Option<T>) -> Option<T> {
            rows.iter().rev().find_map(|row| of(row).clone())
        }
        Self {
            fault_type: last(rows, |row| &row.fault_type),
            root_cause_level: last(rows, |row| &row.root_cause_level),
            cause_tag: last(rows, |row| &row.cause_tag),
            solution_tag: last(rows, |row| &row.solution_tag),
            resolution: last(rows, |row| &row.resolution),
        }
    }

    fn missing(&self) -> impl Iterator<Item = Field> {
        let Self { fault_type, root_cause_level, cause_tag: _, solution_tag, resolution } = self;
        let wanted = [
            (Field::FaultType, fault_type.is_some()),
            (Field::RootCauseLevel, root_cause_level.is_some()),
            (Field::SolutionTag, solution_tag.is_some()),
            (Field::Resolution, resolution.is_some()),
        ];
        wanted.into_iter().filter(|(_, is_given)| !is_given).map(|(field, _)| field)
    }

    /// Whether its tags are those of an attribution, and not only a text.
    pub fn is_whole(&self) -> bool {
        self.missing().next().is_none()
    }

    /// The solution first, then what the source calls the cause, each in a line that names it.
    pub fn text(&self, locale: Locale) -> String {
        let Self { fault_type, root_cause_level, cause_tag, solution_tag, resolution } = self;
        let named = [
            solution_tag.as_ref().map(|tag| msg!("import-source-solution", text = tag)),
            cause_tag.as_ref().map(|tag| msg!("import-source-cause", text = tag)),
            fault_type.map(|fault| msg!("import-source-fault-type", text = fault_name(fault))),
            root_cause_level.map(|level| msg!("import-source-cause-level", text = level_name(level))),
        ];
        let named = named.into_iter().flatten().map(|line: Message| line.text(locale));
        resolution.iter().cloned().chain(named).collect::<Vec<_>>().join("\n")
    }
}

/// The attribution of a solved ticket, if its source has all parts of it.
pub fn attribution(ticket: &Ticket, rows: &[Row]) -> SourceAttribution {
    let solution = SourceSolution::of(rows);
    if solution == SourceSolution::default() {
        return SourceAttribution::Nothing;
    }
    let others = [(Field::Assignee, ticket.assignment.assignee.is_some()), (Field::Closed, ticket.status.is_solved())];
    let others = others.into_iter().filter(|(_, is_given)| !is_given).map(|(field, _)| field);
    let missing: Vec<Field> = solution.missing().chain(others).collect();
    match whole(ticket, rows, &solution).filter(|_| missing.is_empty()) {
        Some(attribution) => SourceAttribution::Whole(attribution),
        None => SourceAttribution::Text { solution, missing },
    }
}

fn whole(ticket: &Ticket, rows: &[Row], solution: &SourceSolution) -> Option<Attribution> {
    let SourceSolution { fault_type, root_cause_level, cause_tag, solution_tag, resolution } = solution.clone();
    let details = AttributionDetails {
        fault_type: fault_type?,
        root_cause_level: root_cause_level?,
        cause_tag,
        solution_tags: vec![solution_tag?],
        resolution: resolution?,
    };
    let at = ticket.closing.resolved_at.or(rows.last().map(|row| row.at))?;
    Some(Attribution { ticket: ticket.id, details, by: ticket.assignment.assignee?, at })
}
