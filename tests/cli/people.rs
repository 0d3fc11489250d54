//! People from a spreadsheet, with and without a running agent.

use crate::site::{QUIET, Site};

const ROSTER: &str = "账号,姓名,工号\nzhangsan,张三,1001\nlisi,李四,1002\n";

#[test]
fn people_are_imported_through_the_agent_and_without_it() {
    for through_the_agent in [true, false] {
        let site = Site::new(QUIET);
        let agent = site.run();
        let _agent = through_the_agent.then_some(agent);
        site.write("p.csv", ROSTER);
        let file = site.path("p.csv");
        let file = file.to_str().unwrap();
        site.punchd(&["people"]).exits(0).says("Nobody is known");
        site.punchd(&["people", "import", file, "--dry-run"]).exits(0).says("New 2").says("Nothing was imported");
        assert_eq!(site.punchd(&["people", "--json"]).json().as_array().unwrap().len(), 0);
        site.punchd(&["people", "import", file]).exits(0).says("New 2").says("Imported 2 people");
        site.write("p.csv", &ROSTER.replace("李四", "李四光").replace("zhangsan,张三,1001\n", ""));
        let answer = site.punchd(&["people", "import", file, "--json"]).exits(0).json();
        assert_eq!((&answer["imported"], &answer["difference"][""]["changed"][0][0]), (&true.into(), &"lisi".into()));
        let people = site.punchd(&["people", "--json"]).exits(0).json();
        assert_eq!((&people[0]["name"], &people[1]["name"]), (&"李四光".into(), &"张三".into()));
        site.punchd(&["people"]).exits(0).says("李四光");
    }
}

#[test]
fn a_file_with_one_mistake_imports_nothing_and_every_row_is_named() {
    let site = Site::new(QUIET);
    drop(site.run());
    site.write("p.csv", "账号,姓名,工号\nzhangsan,张三,1001\n,李四,1002\nzhangsan,王五,1003\n");
    let file = site.path("p.csv");
    let answer = site.punchd(&["people", "import", file.to_str().unwrap()]).exits(1);
    assert!(answer.out.contains("row 3") && answer.out.contains("row 4"), "{}", answer.out);
    answer.says("Nothing was imported");
    assert_eq!(site.punchd(&["people", "--json"]).json().as_array().unwrap().len(), 0);
    let answer = site.punchd(&["people", "import", file.to_str().unwrap(), "--json"]).exits(1).json();
    assert_eq!((&answer["imported"], &answer["defects"][0]["row"]), (&false.into(), &3.into()));
    site.punchd(&["people", "import", "/nowhere.csv"]).exits(64).says("cannot read");
    site.punchd(&["people", "import", file.to_str().unwrap(), "--organisation", "x"]).exits(64).says("no organisation");
}
