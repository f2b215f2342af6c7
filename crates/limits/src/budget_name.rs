//! The names of budgets, as nodes report them to each other.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;

use domain::ids::UserId;

/// A budget of this server.
pub(crate) enum BudgetName<'a> {
    Commands(&'a UserId),
    Connects(IpAddr),
    BadTokens(IpAddr),
    /// The name and the requests a minute of a class, and the user.
    Class((Cow<'static, str>, NonZeroU32), &'a UserId),
}

/// The ids of users may have any characters, so they stand at the end.
impl fmt::Display for BudgetName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commands(user) => write!(f, "commands {user}"),
            Self::Connects(network) => write!(f, "connects {network}"),
            Self::BadTokens(network) => write!(f, "bad-tokens {network}"),
            Self::Class((name, per_minute), user) => write!(f, "class {per_minute} {} {name}{user}", name.len()),
        }
    }
}

/// A budget that another node has named.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum BudgetText<'a> {
    Commands(&'a str),
    Connects(IpAddr),
    BadTokens(IpAddr),
    Class(&'a str, NonZeroU32, &'a str),
}

impl<'a> BudgetText<'a> {
    /// Reads a name; `None` if this version does not know it.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (kind, rest) = text.split_once(' ')?;
        Some(match kind {
            "commands" => Self::Commands(rest),
            "connects" => Self::Connects(rest.parse().ok()?),
            "bad-tokens" => Self::BadTokens(rest.parse().ok()?),
            "class" => {
                let (per_minute, rest) = rest.split_once(' ')?;
                let (length, rest) = rest.split_once(' ')?;
                let (name, user) = rest.split_at_checked(length.parse().ok()?)?;
                Self::Class(name, per_minute.parse().ok()?, user)
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_node_reads_the_same_name() {
        let (user, network) = (UserId::new("anna of the 7 seas"), IpAddr::from([10, 0, 0, 7]));
        let ten = NonZeroU32::new(10).unwrap();
        for (name, read) in [
            (BudgetName::Commands(&user), BudgetText::Commands("anna of the 7 seas")),
            (BudgetName::Connects(network), BudgetText::Connects(network)),
            (BudgetName::BadTokens(network), BudgetText::BadTokens(network)),
            (BudgetName::Class(("other ten".into(), ten), &user), BudgetText::Class("other ten", ten, "anna of the 7 seas")),
        ] {
            assert_eq!(BudgetText::parse(&name.to_string()), Some(read));
        }
    }

    #[test]
    fn a_damaged_name_is_no_budget() {
        for text in ["", "commands", "tomorrow anna", "connects anna", "class 0 1 ab", "class 1 9 ab", "class 1 1 ä"] {
            assert_eq!(BudgetText::parse(text), None, "{text}");
        }
    }
}
