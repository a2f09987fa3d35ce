// The database of answers: order, repetition, restart, many threads.
#include "medisyn/eval/reader_study/answer_store.h"

#include <gmock/gmock.h>

#include <thread>

#include "../../fresh_folder.h"
#include "medisyn/core/error.h"
#include "medisyn/eval/reader_study/refusal.h"
#include "study_fixture.h"

namespace medisyn {
namespace {

using testing::HasSubstr;

ReaderAnswer pair_answer(const std::string& reader, int i, int left = 1) {
  return {.reader = reader,
          .part = "pairs",
          .trial = fmt::format("p{:03}", i),
          .position = i,
          .left_synthetic = left,
          .right_synthetic = 0,
          .response_ms = 1200,
          .answered_at = "2026-01-31T08:15:30Z"};
}

int status_of(AnswerStore& store, const ReaderAnswer& answer) {
  try {
    store.save(answer);
    return 204;
  } catch (const Refusal& refusal) {
    return refusal.status();
  }
}

class AnswerStoreTest : public testing::Test {
 protected:
  fs::path folder_ = fresh_folder("answer_store");
  Study study_ = small_study();
  fs::path file_ = folder_ / "answers.sqlite";
};

TEST_F(AnswerStoreTest, KeepsReadersAndTheirSecretsOverARestart) {
  std::vector<Reader> before;
  std::string secret;
  {
    AnswerStore store(file_, study_);
    store.add_readers({{.name = "R01", .group = "surgeons"}, {.name = "R02", .group = "Augenärzte"}});
    before = store.readers();
    secret = store.admin_secret();
  }
  AnswerStore store(file_, study_);
  store.add_readers({{.name = "R02", .group = "eye"}, {.name = "R03"}});
  const std::vector<Reader> after = store.readers();
  ASSERT_EQ(after.size(), 3U);
  EXPECT_EQ(after[0].token, before[0].token);
  EXPECT_EQ(after[1].token, before[1].token);
  EXPECT_EQ(after[1].group, "eye");
  EXPECT_EQ(store.admin_secret(), secret);
  EXPECT_TRUE(is_hex(secret, 32));
  EXPECT_NE(after[0].token, after[1].token);
}

TEST_F(AnswerStoreTest, RefusesNamesThatAreNone) {
  AnswerStore store(file_, study_);
  for (const char* name : {"", "<script>", "a b", "-x", "../x", "R01'; DROP TABLE answers; --", "Ä"}) {
    EXPECT_THROW(store.add_readers({{.name = name}}), Error) << name;
  }
  EXPECT_THROW(store.add_readers({{.name = "R01"}, {.name = "R01"}}), Error);
  EXPECT_THROW(store.add_readers({{.name = "R01", .group = "a\nb"}}), Error);
  EXPECT_TRUE(store.readers().empty());
}

TEST_F(AnswerStoreTest, KeepsTheOrderOfTheStudy) {
  AnswerStore store(file_, study_);
  store.add_readers({{.name = "R01"}});
  EXPECT_EQ(status_of(store, pair_answer("R01", 2)), 409) << "p001 is open";
  EXPECT_EQ(status_of(store, pair_answer("R01", 1)), 204);
  EXPECT_EQ(status_of(store, pair_answer("R01", 1)), 204) << "the same again: its reply was lost";
  EXPECT_EQ(status_of(store, pair_answer("R01", 1, 0)), 409) << "no going back";
  EXPECT_EQ(status_of(store, pair_answer("R01", 2)), 204);
  EXPECT_EQ(store.answers("R01").size(), 2U);
  const ReaderAnswer& first = store.answers().front();
  EXPECT_EQ(first.left_synthetic, 1);
  EXPECT_EQ(first.right_synthetic, 0);
  EXPECT_FALSE(first.confidence);
  EXPECT_FALSE(first.class_name);
}

TEST_F(AnswerStoreTest, GoesBackWhereTheStudyAllowsIt) {
  study_.allow_back = true;
  AnswerStore store(file_, study_);
  store.add_readers({{.name = "R01"}});
  EXPECT_EQ(status_of(store, pair_answer("R01", 1)), 204);
  EXPECT_EQ(status_of(store, pair_answer("R01", 1, 0)), 204);
  EXPECT_EQ(status_of(store, pair_answer("R01", 3)), 409);
  ASSERT_EQ(store.answers("R01").size(), 2U) << "every answer stays";
  EXPECT_EQ(store.answers("R01").back().left_synthetic, 0);
}

TEST_F(AnswerStoreTest, TakesNoOtherStudy) {
  { AnswerStore(file_, study_); }
  Study other = study_;
  other.id = "ffffffffffffffff";
  EXPECT_THROW(AnswerStore(file_, other), Error);
  Study changed = study_;
  changed.parts[0].trials.pop_back();
  try {
    const AnswerStore store(file_, changed);
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("an earlier version of it; name another --database"));
  }
  write_file(folder_ / "no.sqlite", std::string(4096, 'x'));
  EXPECT_THROW(AnswerStore(folder_ / "no.sqlite", study_), Error);
}

TEST_F(AnswerStoreTest, ManyThreadsAndTwoProcessesWorthOfConnections) {
  study_ = small_study(10, 1);
  AnswerStore one(file_, study_);
  AnswerStore two(file_, study_);
  std::vector<Reader> readers;
  for (int r = 0; r < 8; ++r) {
    readers.push_back({.name = fmt::format("R{}", r)});
  }
  one.add_readers(readers);
  std::vector<std::thread> threads;
  for (int r = 0; r < 8; ++r) {
    threads.emplace_back([&, r] {
      for (int i = 1; i <= 10; ++i) {
        (r % 2 == 0 ? one : two).save(pair_answer(fmt::format("R{}", r), i));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(one.answers().size(), 80U);
}

TEST(Secrets, CompareWhole) {
  const std::string secret = random_secret();
  EXPECT_TRUE(same_secret(secret, secret));
  EXPECT_FALSE(same_secret(secret, secret.substr(1)));
  EXPECT_FALSE(same_secret(secret, ""));
  EXPECT_NE(random_secret(), random_secret());
}

}  // namespace
}  // namespace medisyn
