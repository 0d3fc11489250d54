//! An invented roster: who works at the site. The same number of people gives the same people, and fewer of them are the
//! first of more.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// Somebody who does not exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The WeCom member id: the name in pinyin, numbered when taken.
    pub userid: String,
    /// The name in Chinese.
    pub name: String,
    /// The user id on a terminal: digits, from 1001.
    pub number: String,
}

const SURNAMES: [(&str, &str); 40] = [
    ("王", "wang"),
    ("李", "li"),
    ("张", "zhang"),
    ("刘", "liu"),
    ("陈", "chen"),
    ("杨", "yang"),
    ("赵", "zhao"),
    ("黄", "huang"),
    ("周", "zhou"),
    ("吴", "wu"),
    ("徐", "xu"),
    ("孙", "sun"),
    ("胡", "hu"),
    ("朱", "zhu"),
    ("高", "gao"),
    ("林", "lin"),
    ("何", "he"),
    ("郭", "guo"),
    ("马", "ma"),
    ("罗", "luo"),
    ("梁", "liang"),
    ("宋", "song"),
    ("郑", "zheng"),
    ("谢", "xie"),
    ("韩", "han"),
    ("唐", "tang"),
    ("冯", "feng"),
    ("于", "yu"),
    ("董", "dong"),
    ("萧", "xiao"),
    ("程", "cheng"),
    ("曹", "cao"),
    ("袁", "yuan"),
    ("邓", "deng"),
    ("许", "xu"),
    ("傅", "fu"),
    ("沈", "shen"),
    ("曾", "zeng"),
    ("彭", "peng"),
    ("欧阳", "ouyang"),
];

const GIVEN: [(&str, &str); 31] = [
    ("伟", "wei"),
    ("芳", "fang"),
    ("娜", "na"),
    ("敏", "min"),
    ("静", "jing"),
    ("丽", "li"),
    ("强", "qiang"),
    ("磊", "lei"),
    ("军", "jun"),
    ("洋", "yang"),
    ("勇", "yong"),
    ("艳", "yan"),
    ("杰", "jie"),
    ("涛", "tao"),
    ("明", "ming"),
    ("超", "chao"),
    ("秀", "xiu"),
    ("霞", "xia"),
    ("平", "ping"),
    ("刚", "gang"),
    ("桂", "gui"),
    ("英", "ying"),
    ("华", "hua"),
    ("建", "jian"),
    ("国", "guo"),
    ("春", "chun"),
    ("雪", "xue"),
    ("梅", "mei"),
    ("海", "hai"),
    ("宇", "yu"),
    ("晨", "chen"),
];

/// Given names of one or two characters.
const GIVEN_NAMES: usize = GIVEN.len() * (GIVEN.len() + 1);
/// Coprime to the number of names, so that walking by it meets each of them once before one comes again.
const STEP: usize = 10_007;

/// So many people.
pub fn roster(people: usize) -> Vec<Person> {
    let names = SURNAMES.len() * GIVEN_NAMES;
    let mut taken: HashMap<String, usize> = HashMap::new();
    let person = |index: usize| {
        let at = (index % names) * STEP % names;
        let (surname, surname_pinyin) = SURNAMES[at % SURNAMES.len()];
        let given = at / SURNAMES.len();
        let (last, last_pinyin) = GIVEN[given % GIVEN.len()];
        // One in 32 has a given name of one character.
        let (first, first_pinyin) = match (given / GIVEN.len()).checked_sub(1) {
            Some(first) => GIVEN[first],
            None => ("", ""),
        };
        let pinyin = format!("{surname_pinyin}{first_pinyin}{last_pinyin}");
        let namesakes = taken.entry(pinyin.clone()).or_default();
        *namesakes += 1;
        let userid = if *namesakes == 1 { pinyin } else { format!("{pinyin}{namesakes}") };
        Person { userid, name: format!("{surname}{first}{last}"), number: (1001 + index).to_string() }
    };
    (0..people).map(person).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::roster;

    #[test]
    fn nobody_shares_a_userid_or_a_terminal_number_even_in_a_very_large_company() {
        let people = roster(100_000);
        assert_eq!(people.iter().map(|p| p.userid.as_str()).collect::<HashSet<_>>().len(), people.len());
        assert_eq!(people.iter().map(|p| p.number.as_str()).collect::<HashSet<_>>().len(), people.len());
    }

    #[test]
    fn names_are_not_repeated_before_all_are_used() {
        let people = roster(super::SURNAMES.len() * super::GIVEN_NAMES);
        assert_eq!(people.iter().map(|p| p.name.as_str()).collect::<HashSet<_>>().len(), people.len());
    }

    #[test]
    fn a_smaller_company_has_the_first_people_of_a_larger_one() {
        assert_eq!(roster(20), roster(300)[..20]);
    }

    #[test]
    fn every_userid_is_one_that_wecom_allows() {
        assert!(
            roster(5_000).iter().all(|p| p.userid.len() <= 64 && p.userid.bytes().all(|b| b.is_ascii_alphanumeric()))
        );
    }
}
