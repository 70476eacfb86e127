//! Which rows of the columns a viewer may see: the same decision as `rights::Scope::sees`, by codes. A test compares the two.

use std::collections::HashSet;

use super::super::model::{Columns, Dimension, Key, Selection};
use crate::kernel::TicketId;
use crate::tickets::decide::rights::{Grant, Scope};

/// Decides which rows count for a viewer and a selection.
pub struct Visibility<'c> {
    columns: &'c Columns,
    grants: Option<GrantedCodes>,
    filters: Vec<(&'c [u32], u32)>,
    /// A filter names a value that no ticket has.
    matches_nothing: bool,
}

/// Codes that grant access: for each dimension, whether a code does.
struct GrantedCodes {
    codes: Vec<(Dimension, Vec<bool>)>,
    requester: Option<u32>,
    indexes: HashSet<u32>,
}

impl<'c> Visibility<'c> {
    /// `participating`: the tickets of which the viewer is a participant.
    pub fn of(columns: &'c Columns, scope: &Scope, participating: &[TicketId], selection: &Selection) -> Self {
        let grants = scope.grants().map(|grants| {
            let mut all = GrantedCodes { codes: Vec::new(), requester: None, indexes: HashSet::new() };
            for grant in grants {
                let (dimension, key) = match grant {
                    Grant::Team(team) => (Dimension::Team, Key::Id(team.0)),
                    Grant::NoTeam => (Dimension::Team, Key::None),
                    Grant::Assignee(user) => (Dimension::Agent, Key::Id(user.0)),
                    Grant::Customer(customer) => (Dimension::Customer, Key::Id(customer.0)),
                    Grant::Product(product) => (Dimension::Product, Key::Word(product.as_str().into())),
                    Grant::Requester(user) => {
                        all.requester = columns.requester_code(user.0);
                        continue;
                    }
                    Grant::Participant(_) => {
                        all.indexes = participating.iter().filter_map(|ticket| columns.index_of(*ticket)).collect();
                        continue;
                    }
                };
                if let Some(code) = columns.code(dimension, &key) {
                    all.grant(columns, dimension, code);
                }
            }
            all
        });
        let mut visibility = Self { columns, grants, filters: Vec::new(), matches_nothing: false };
        for (dimension, key) in &selection.only {
            match columns.code(*dimension, key) {
                Some(code) => visibility.filters.push((columns.codes(*dimension), code)),
                None => visibility.matches_nothing = true,
            }
        }
        visibility
    }

    pub fn includes(&self, index: usize) -> bool {
        !self.matches_nothing
            && self.filters.iter().all(|(codes, code)| codes[index] == *code)
            && self.grants.as_ref().is_none_or(|grants| grants.allows(self.columns, index))
    }
}

impl GrantedCodes {
    fn grant(&mut self, columns: &Columns, dimension: Dimension, code: u32) {
        let position = match self.codes.iter().position(|(of, _)| *of == dimension) {
            Some(position) => position,
            None => {
                self.codes.push((dimension, vec![false; columns.values(dimension)]));
                self.codes.len() - 1
            }
        };
        self.codes[position].1[code as usize] = true;
    }

    fn allows(&self, columns: &Columns, index: usize) -> bool {
        self.codes.iter().any(|(dimension, codes)| codes[columns.codes(*dimension)[index] as usize])
            || self.requester.is_some_and(|code| columns.requesters()[index] == code)
            || u32::try_from(index).is_ok_and(|index| self.indexes.contains(&index))
    }
}
