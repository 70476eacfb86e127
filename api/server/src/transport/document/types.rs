//! What the schema says about types, from its SDL: async-graphql does not publish its own registry.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use async_graphql::Name;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, ServiceDocument, Type, TypeDefinition, TypeKind,
    TypeSystemDefinition,
};

/// The types of the schema that this process serves.
pub static TYPES: LazyLock<Types> = LazyLock::new(|| {
    // Descriptions, which are most of the text, are of no use here.
    let sdl: String = graphql::sdl().split(r#"""""#).step_by(2).collect();
    Types::of(parse_schema(sdl).expect("the schema's own SDL is valid"))
});

#[derive(Default)]
pub struct Types {
    inputs: HashMap<Name, InputKind>,
    outputs: HashMap<Name, OutputKind>,
    /// Interfaces and unions, with the objects that belong to them.
    possible: HashMap<Name, HashSet<Name>>,
}

/// The type of an input value, other than a scalar.
pub enum InputKind {
    Enum(HashSet<Name>),
    Object(HashMap<Name, InputField>),
}

pub struct InputField {
    pub ty: Type,
    pub has_default: bool,
}

impl From<&InputValueDefinition> for InputField {
    fn from(definition: &InputValueDefinition) -> Self {
        Self { ty: definition.ty.node.clone(), has_default: definition.default_value.is_some() }
    }
}

/// An object or interface.
type OutputKind = HashMap<Name, OutputField>;

struct OutputField {
    /// The named type of its values.
    ty: Name,
    /// Its arguments that have a default.
    defaults: HashSet<Name>,
}

impl From<&FieldDefinition> for OutputField {
    fn from(definition: &FieldDefinition) -> Self {
        let mut ty = &definition.ty.node.base;
        let ty = loop {
            match ty {
                BaseType::Named(name) => break name.clone(),
                BaseType::List(of) => ty = &of.base,
            }
        };
        let defaults = definition.arguments.iter().filter(|argument| argument.node.default_value.is_some());
        Self { ty, defaults: defaults.map(|argument| argument.node.name.node.clone()).collect() }
    }
}

impl Types {
    pub fn of(sdl: ServiceDocument) -> Self {
        let mut types = Self::default();
        for definition in sdl.definitions {
            if let TypeSystemDefinition::Type(definition) = definition {
                types.add(definition.node);
            }
        }
        types
    }

    fn add(&mut self, definition: TypeDefinition) {
        let name = definition.name.node;
        match definition.kind {
            TypeKind::Scalar => {}
            TypeKind::Enum(of) => {
                let values = of.values.into_iter().map(|value| value.node.value.node).collect();
                self.inputs.insert(name, InputKind::Enum(values));
            }
            TypeKind::InputObject(of) => {
                let fields = of.fields.iter().map(|field| (field.node.name.node.clone(), (&field.node).into()));
                self.inputs.insert(name, InputKind::Object(fields.collect()));
            }
            TypeKind::Object(of) => {
                for interface in of.implements {
                    self.possible.entry(interface.node).or_default().insert(name.clone());
                }
                self.outputs.insert(name, output(of.fields.iter().map(|field| &field.node)));
            }
            TypeKind::Interface(of) => {
                self.outputs.insert(name, output(of.fields.iter().map(|field| &field.node)));
            }
            TypeKind::Union(of) => {
                self.possible.entry(name).or_default().extend(of.members.into_iter().map(|member| member.node));
            }
        }
    }

    /// The enum or input object of this name.
    pub fn input(&self, name: &str) -> Option<&InputKind> {
        self.inputs.get(name)
    }

    /// The named type of a field's values; `None`: the type or the field is not known.
    pub fn field_type(&self, of: &str, field: &str) -> Option<&str> {
        self.outputs.get(of)?.get(field).map(|field| field.ty.as_str())
    }

    /// Whether an argument of a field has a default.
    pub fn has_default(&self, of: &str, field: &str, argument: &str) -> bool {
        let field = self.outputs.get(of).and_then(|fields| fields.get(field));
        field.is_some_and(|field| field.defaults.contains(argument))
    }

    /// Whether every value of a type also is of another, which a fragment names.
    pub fn is_always(&self, of: &str, condition: &str) -> bool {
        of == condition || self.possible.get(condition).is_some_and(|objects| objects.contains(of))
    }
}

fn output<'f>(fields: impl Iterator<Item = &'f FieldDefinition>) -> OutputKind {
    fields.map(|field| (field.name.node.clone(), field.into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_describes_itself() {
        let types = &*TYPES;
        assert_eq!(types.field_type("Query", "viewer"), Some("User"));
        assert_eq!(types.field_type("TicketConnection", "nodes"), Some("Ticket"));
        assert_eq!(types.field_type("Node", "id"), Some("ID"));
        assert_eq!(types.field_type("Query", "nosuch"), None);
        assert!(types.has_default("Query", "similarCases", "first"));
        assert!(!types.has_default("Query", "tickets", "first"));
        assert!(types.is_always("Ticket", "Node") && types.is_always("Ticket", "CitationSource"));
        assert!(!types.is_always("Node", "Ticket") && !types.is_always("CitationSource", "KnowledgeCard"));
        let Some(InputKind::Object(fields)) = types.input("CreateTicketInput") else { panic!("an input object") };
        assert_eq!(fields["title"].ty.to_string(), "String!");
        assert!(fields["priority"].has_default && !fields["title"].has_default);
        let Some(InputKind::Enum(values)) = types.input("Priority") else { panic!("an enum") };
        assert!(values.contains("URGENT") && !values.contains("urgent"));
    }
}
