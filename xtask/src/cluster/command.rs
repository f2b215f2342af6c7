//! The lines that a user types while the cluster runs.

/// What `help` prints.
pub const HELP: &str = "\
Commands:
  kill 1       end node 1 at once           stop 1      drain node 1 and end it
  freeze 1     stop the process of node 1   continue 1  let it go on
  start 1      start it again               restart 1   stop it, and start it again
  stop redis, start redis, restart redis; stop postgres, start postgres, restart postgres
  status       which parts run              quit        end everything, as Ctrl-C does";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    Start,
    Stop,
    Restart,
    Kill,
    Freeze,
    Continue,
}

/// A part of the cluster.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The number of a node, from 1.
    Node(u8),
    Redis,
    Postgres,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UserCommand {
    Change {
        action: Action,
        part: Part,
    },
    Status,
    Help,
    Quit,
    /// An empty line.
    Nothing,
}

const ACTIONS: [(&str, Action); 6] = [
    ("start", Action::Start),
    ("stop", Action::Stop),
    ("restart", Action::Restart),
    ("kill", Action::Kill),
    ("freeze", Action::Freeze),
    ("continue", Action::Continue),
];

impl UserCommand {
    /// Reads a line. `nodes` is the number of nodes.
    ///
    /// # Errors
    /// A line that says what is wrong.
    pub fn parse(line: &str, nodes: u8) -> Result<Self, String> {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            [] => Ok(Self::Nothing),
            ["status"] => Ok(Self::Status),
            ["help"] => Ok(Self::Help),
            ["quit" | "exit"] => Ok(Self::Quit),
            [action, part] => {
                let known = ACTIONS.iter().find(|(name, _)| *name == action);
                let (_, action) = known.ok_or_else(|| format!("{action} is no command: type help"))?;
                let part = Part::parse(part, nodes)?;
                if part == Part::Postgres && !matches!(action, Action::Start | Action::Stop | Action::Restart) {
                    return Err("postgres: only start, stop and restart".to_owned());
                }
                Ok(Self::Change { action: *action, part })
            }
            _ => Err(format!("{line} is no command: type help")),
        }
    }
}

impl Part {
    fn parse(name: &str, nodes: u8) -> Result<Self, String> {
        match name {
            "redis" => Ok(Self::Redis),
            "postgres" | "postgresql" => Ok(Self::Postgres),
            _ => {
                let number = name.trim_start_matches("node").parse().ok().filter(|number| (1..=nodes).contains(number));
                number.map(Self::Node).ok_or_else(|| format!("{name} is no part: 1 to {nodes}, redis, or postgres"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_commands_or_rejected_with_a_reason() {
        let change = |action, part| Ok(UserCommand::Change { action, part });
        for (line, expected) in [
            ("kill 1", change(Action::Kill, Part::Node(1))),
            ("  freeze   node2 ", change(Action::Freeze, Part::Node(2))),
            ("stop redis", change(Action::Stop, Part::Redis)),
            ("restart postgres", change(Action::Restart, Part::Postgres)),
            ("", Ok(UserCommand::Nothing)),
            ("status", Ok(UserCommand::Status)),
            ("help", Ok(UserCommand::Help)),
            ("exit", Ok(UserCommand::Quit)),
            ("kill 3", Err("3 is no part: 1 to 2, redis, or postgres".to_owned())),
            ("kill 0", Err("0 is no part: 1 to 2, redis, or postgres".to_owned())),
            ("end 1", Err("end is no command: type help".to_owned())),
            ("kill", Err("kill is no command: type help".to_owned())),
            ("freeze postgres", Err("postgres: only start, stop and restart".to_owned())),
        ] {
            assert_eq!(UserCommand::parse(line, 2), expected, "{line}");
        }
    }
}
