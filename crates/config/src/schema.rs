//! The table of settings: a section is declared once, and its struct, its reading, the listing of `roomcast config` and
//! `config.example.toml` come from that one declaration.
//!
//! Why not figment: the names in the environment (`SOCKET_IO_PORT`, `JWT_SECRET`) do not follow the sections, `roomcast config` needs the
//! source of every value, and an error must be one line that names the expected value and never shows a secret. Each of the three would be
//! a layer over figment as long as this file.

/// One setting, as it is documented.
#[derive(Debug)]
pub struct Setting {
    /// The section in the TOML file.
    pub section: &'static str,
    /// The name within the section.
    pub key: &'static str,
    /// The name in the environment.
    pub env: &'static str,
    /// The value if no source sets it, as text; empty if there is none.
    pub default: &'static str,
    /// Its effect, in one sentence.
    pub sentence: &'static str,
    /// The minimum and the maximum, if the type of the value does not imply them.
    pub range: Option<(&'static str, &'static str)>,
    /// True if the value is never printed.
    pub hidden: bool,
    /// True if the value is a list.
    pub list: bool,
    /// True if the setting is a bound: a number of things, a size or a time.
    pub bound: bool,
}

/// A section of settings, as it is documented.
#[derive(Debug)]
pub struct Section {
    /// Its name in the TOML file.
    pub name: &'static str,
    /// The subject of its settings.
    pub about: &'static str,
    /// In the order of the struct's fields.
    pub settings: &'static [Setting],
}

/// Declares a section: a struct whose fields carry their sentence, type, default, environment name and, if need be, range.
macro_rules! section {
    (
        #[doc = $about:literal]
        $name:ident = $section:literal {
            $( #[doc = $sentence:literal] $field:ident : $type:ty = $default:literal, $env:ident $(from $low:literal to $high:literal)? ; )*
        }
    ) => {
        #[doc = $about]
        #[derive(Clone, Debug)]
        pub struct $name {
            $(
                #[doc = $sentence]
                #[doc = concat!("\n\nEnvironment: `", stringify!($env), "`; default: `", $default, "`.")]
                pub $field: $type,
            )*
        }

        impl $name {
            /// The section as it is documented.
            pub const SECTION: Section = Section {
                name: $section,
                about: $about,
                settings: &[$(
                    Setting {
                        section: $section,
                        key: stringify!($field),
                        env: stringify!($env),
                        default: $default,
                        sentence: $sentence,
                        range: { #[allow(unused_mut, unused_assignments)] { let mut range = None; $( range = Some(($low, $high)); )? range } },
                        hidden: <$type as SettingValue>::IS_HIDDEN,
                        list: <$type as SettingValue>::LIST,
                        bound: <$type as SettingValue>::IS_BOUND,
                    },
                )*],
            };

            /// Reads the section; the reader collects the errors.
            pub(super) fn read(reader: &mut Reader<'_>) -> Self {
                // The fields of a struct expression are evaluated as they are written, which is the table's order.
                let mut settings = Self::SECTION.settings.iter();
                let mut next = || settings.next().expect("the table has a row for each field");
                Self {
                    $( $field: reader.read(next(), |_value: &$type| true $( && in_range(_value, $low, $high) )?), )*
                }
            }
        }
    };
}
pub(super) use section;
