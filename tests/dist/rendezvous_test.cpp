// Where ranks meet: what the environment of each launcher says.
#include "medisyn/dist/rendezvous.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <map>
#include <string>

#include "../expect_error.h"

namespace medisyn {
namespace {

using testing::ElementsAre;

class FindRendezvous : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"RANK",
                             "WORLD_SIZE",
                             "LOCAL_RANK",
                             "MASTER_ADDR",
                             "MASTER_PORT",
                             "MEDISYN_LAUNCHED",
                             "TORCHELASTIC_USE_AGENT_STORE",
                             "TORCHELASTIC_RUN_ID",
                             "TORCHELASTIC_RESTART_COUNT",
                             "SLURM_PROCID",
                             "SLURM_STEP_ID",
                             "SLURM_JOB_ID",
                             "SLURM_JOBID",
                             "SLURM_STEP_NODELIST",
                             "SLURM_JOB_NODELIST",
                             "SLURM_NODELIST",
                             "OMPI_COMM_WORLD_RANK",
                             "OMPI_COMM_WORLD_SIZE",
                             "OMPI_COMM_WORLD_LOCAL_SIZE",
                             "PMIX_NAMESPACE",
                             "OMPI_MCA_ess_base_jobid"}) {
      unsetenv(name);
    }
  }
  void TearDown() override { SetUp(); }

  static void set(const std::map<std::string, std::string>& variables) {
    for (const auto& [name, value] : variables) {
      setenv(name.c_str(), value.c_str(), 1);
    }
  }
};

TEST_F(FindRendezvous, OfTheLauncherOfThisProgram) {
  set({{"MEDISYN_LAUNCHED", "1"}, {"RANK", "1"}, {"MASTER_ADDR", "127.0.0.1"}, {"MASTER_PORT", "40000"}});
  const Rendezvous found = find_rendezvous();
  EXPECT_TRUE(found.is_local());
  EXPECT_EQ(found.port, 40000);
  EXPECT_FALSE(found.is_served_by_first);
}

TEST_F(FindRendezvous, OfTorchrunWhoseAgentServesAndMayStartAgain) {
  set({{"RANK", "1"},
       {"MASTER_ADDR", "gpu7"},
       {"MASTER_PORT", "29501"},
       {"TORCHELASTIC_RUN_ID", "abc"},
       {"TORCHELASTIC_USE_AGENT_STORE", "True"},
       {"TORCHELASTIC_RESTART_COUNT", "0"}});
  const Rendezvous first = find_rendezvous();
  EXPECT_EQ(first.host, "gpu7");
  EXPECT_EQ(first.port, 29501);
  EXPECT_FALSE(first.is_served_by_first);
  EXPECT_FALSE(first.is_local());
  set({{"TORCHELASTIC_RESTART_COUNT", "1"}});
  EXPECT_NE(find_rendezvous().job, first.job) << "a new attempt must not read what the last one left";
  set({{"TORCHELASTIC_USE_AGENT_STORE", "False"}});
  EXPECT_TRUE(find_rendezvous().is_served_by_first);
}

TEST_F(FindRendezvous, OfVariablesSetByHand) {
  set({{"RANK", "0"}});
  EXPECT_ERROR(find_rendezvous(), "set MASTER_ADDR to the machine of rank 0 and MASTER_PORT to a free port");
  set({{"MASTER_ADDR", "localhost"}});
  EXPECT_ERROR(find_rendezvous(), "MASTER_PORT");
  for (const char* port : {"0", "65536", "-1", "http", "80 "}) {
    set({{"MASTER_PORT", port}});
    EXPECT_ERROR(find_rendezvous(), "expected the number of a port, 1 to 65535");
  }
  set({{"MASTER_PORT", "65535"}});
  EXPECT_EQ(find_rendezvous().port, 65535);
  EXPECT_TRUE(find_rendezvous().is_served_by_first);
}

TEST_F(FindRendezvous, OfASlurmStepOnSeveralNodes) {
  set({{"SLURM_PROCID", "5"},
       {"SLURM_STEP_ID", "0"},
       {"SLURM_JOB_ID", "4711"},
       {"SLURM_JOB_NODELIST", "other[1-9]"},
       {"SLURM_STEP_NODELIST", "gpu[03-04,7]"}});
  const Rendezvous found = find_rendezvous();
  EXPECT_EQ(found.host, "gpu03");
  EXPECT_TRUE(found.is_served_by_first);
  EXPECT_GE(found.port, 12000);
  EXPECT_LT(found.port, 32000);
  EXPECT_EQ(find_rendezvous().port, found.port) << "all ranks must find the same";
  set({{"SLURM_STEP_ID", "1"}});
  EXPECT_NE(find_rendezvous().port, found.port) << "another step of the same job";
  set({{"MASTER_ADDR", "ib-gpu03"}, {"MASTER_PORT", "5000"}});
  EXPECT_EQ(find_rendezvous().host, "ib-gpu03");
  EXPECT_EQ(find_rendezvous().port, 5000);
}

TEST_F(FindRendezvous, OfASlurmStepOnOneNode) {
  set({{"SLURM_PROCID", "1"}, {"SLURM_STEP_ID", "0"}, {"SLURM_JOB_ID", "1"}});
  EXPECT_ERROR(find_rendezvous(), "SLURM_STEP_NODELIST");
  set({{"SLURM_NODELIST", "gpu7"}});
  EXPECT_TRUE(find_rendezvous().is_local()) << "whatever this machine's name resolves to";
  unsetenv("SLURM_JOB_ID");
  EXPECT_ERROR(find_rendezvous(), "MASTER_PORT");
}

TEST_F(FindRendezvous, OfMpirun) {
  set({{"OMPI_COMM_WORLD_RANK", "1"},
       {"OMPI_COMM_WORLD_SIZE", "4"},
       {"OMPI_COMM_WORLD_LOCAL_SIZE", "4"},
       {"OMPI_MCA_ess_base_jobid", "3162374145"}});
  const Rendezvous found = find_rendezvous();
  EXPECT_TRUE(found.is_local());
  EXPECT_GE(found.port, 12000);
  set({{"PMIX_NAMESPACE", "prterun-box-1234@1"}});
  EXPECT_NE(find_rendezvous().port, found.port);
  set({{"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}});
  EXPECT_ERROR(find_rendezvous(), "several machines");
  EXPECT_ERROR(find_rendezvous(), "set MASTER_ADDR to that machine and MASTER_PORT to a free port there");
  set({{"MASTER_ADDR", "node1"}, {"MASTER_PORT", "5000"}});
  EXPECT_EQ(find_rendezvous().host, "node1");
}

TEST_F(FindRendezvous, OfNoLauncherAtAll) {
  EXPECT_ERROR(find_rendezvous(), "start several with --nproc, torchrun, srun or mpirun");
}

TEST(ExpandNodeList, WritesEachHostOut) {
  EXPECT_THAT(expand_node_list("login"), ElementsAre("login"));
  EXPECT_THAT(expand_node_list("a,b-1"), ElementsAre("a", "b-1"));
  EXPECT_THAT(expand_node_list("node[01-03,7]"), ElementsAre("node01", "node02", "node03", "node7"));
  EXPECT_THAT(expand_node_list("gpu[9-11],cpu-[2]"), ElementsAre("gpu9", "gpu10", "gpu11", "cpu-2"));
  EXPECT_THAT(expand_node_list("r[1-2]n[08-09]"), ElementsAre("r1n08", "r1n09", "r2n08", "r2n09"));
  EXPECT_THAT(expand_node_list("n[1-2]-ib"), ElementsAre("n1-ib", "n2-ib"));
  EXPECT_THAT(expand_node_list("n[099-101]"), ElementsAre("n099", "n100", "n101"));
}

TEST(ExpandNodeList, RefusesWhatIsNone) {
  EXPECT_ERROR(expand_node_list(""), "expected names of hosts");
  EXPECT_ERROR(expand_node_list("a,,b"), "expected names of hosts");
  EXPECT_ERROR(expand_node_list("a["), "not closed");
  EXPECT_ERROR(expand_node_list("a[1-2,b"), "not closed");
  EXPECT_ERROR(expand_node_list("a[]"), "expected a range");
  EXPECT_ERROR(expand_node_list("a[x]"), "expected a range");
  EXPECT_ERROR(expand_node_list("a[3-1]"), "expected a range");
  EXPECT_ERROR(expand_node_list("a[1-99999999999]"), "expected a range");
}

}  // namespace
}  // namespace medisyn
