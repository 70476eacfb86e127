//! Conversion between a row and its model.

/// Names each field of a model once, with its column where that has another name (`field = column`, after the fields whose
/// column has the same name). Groups of fields are structs of the model; an optional group is `None` unless all its columns
/// have a value. Values convert with `TryFrom` and `From`.
macro_rules! row {
    ($row:path => $model:ident {
        $($same:ident),* $(; $($field:ident = $column:ident),+)? $(,)?
    }
    $(group $group:ident: $group_type:ident {
        $($group_same:ident),* $(; $($group_field:ident = $group_column:ident),+)? $(,)?
    })*
    $(optional $optional:ident: $optional_type:ident { $($optional_field:ident = $optional_column:ident),+ $(,)? })*
    $(not in the model: $($extra:ident = $extra_value:expr),+)?
    ) => {
        impl TryFrom<$row> for $model {
            type Error = sea_orm::DbErr;

            fn try_from(row: $row) -> Result<Self, sea_orm::DbErr> {
                let $row {
                    $($same,)* $($($column: $field,)+)?
                    $($($group_same,)* $($($group_column: $group_field,)+)?)*
                    $($($optional_column,)+)*
                    $($($extra: _,)+)?
                } = row;
                Ok(Self {
                    $($same: $crate::runtime::row::read(stringify!($same), $same)?,)*
                    $($($field: $crate::runtime::row::read(stringify!($column), $field)?,)+)?
                    $($group: $group_type {
                        $($group_same: $crate::runtime::row::read(stringify!($group_same), $group_same)?,)*
                        $($($group_field: $crate::runtime::row::read(stringify!($group_column), $group_field)?,)+)?
                    },)*
                    $($optional: match ($($optional_column),+) {
                        ($(Some($optional_field)),+) => Some($optional_type {
                            $($optional_field: $crate::runtime::row::read(stringify!($optional_column), $optional_field)?,)+
                        }),
                        _ => None,
                    },)*
                })
            }
        }

        impl From<$model> for $row {
            fn from(model: $model) -> Self {
                let $model {
                    $($same,)* $($($field,)+)?
                    $($group: $group_type { $($group_same,)* $($($group_field,)+)? },)*
                    $($optional,)*
                } = model;
                $(let ($($optional_column),+) = match $optional {
                    Some($optional_type { $($optional_field),+ }) => ($(Some($optional_field.into())),+),
                    None => Default::default(),
                };)*
                Self {
                    $($same: $same.into(),)* $($($column: $field.into(),)+)?
                    $($($group_same: $group_same.into(),)* $($($group_column: $group_field.into(),)+)?)*
                    $($($optional_column,)+)*
                    $($($extra: $extra_value,)+)?
                }
            }
        }
    };
}

pub(crate) use row;

pub(crate) fn read<C, V>(column: &str, value: C) -> Result<V, sea_orm::DbErr>
where
    V: TryFrom<C>,
    V::Error: std::fmt::Display,
{
    V::try_from(value).map_err(|error| sea_orm::DbErr::Type(format!("column {column}: {error}")))
}
