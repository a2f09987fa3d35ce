// Every file of configs/curate/ on a miniature tree of its data set's layout, record by record.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <fmt/format.h>

#include <map>
#include <opencv2/videoio.hpp>
#include <set>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "../io/tiled_tiff.h"
#include "medisyn/core/log.h"
#include "medisyn/curate/curate.h"
#include "medisyn/data/manifest.h"
#include "miniature.h"

namespace medisyn {
namespace {

void put(const fs::path& file, const std::string& bytes) {
  fs::create_directories(file.parent_path());
  write_file(file, bytes);
}

void put_png(const fs::path& file, int seed) { put(file, encode_png(small_picture(seed))); }
void put_jpeg(const fs::path& file, int seed) { put(file, encode_jpeg(small_picture(seed), 95)); }

/// 16-bit CT of 16 x 16 pixels around 0 HU.
void put_ct(const fs::path& file, int seed, const char* patient) {
  fs::create_directories(file.parent_path());
  DcmFileFormat format;
  DcmDataset& dataset = *format.getDataset();
  dataset.putAndInsertString(DCM_SOPClassUID, UID_CTImageStorage);
  dataset.putAndInsertString(DCM_SOPInstanceUID, fmt::format("1.2.3.{}", seed).c_str());
  dataset.putAndInsertString(DCM_PatientID, patient);
  dataset.putAndInsertString(DCM_PatientName, "Secret^Name");
  dataset.putAndInsertString(DCM_Modality, "CT");
  dataset.putAndInsertString(DCM_PhotometricInterpretation, "MONOCHROME2");
  dataset.putAndInsertString(DCM_RescaleSlope, "1");
  dataset.putAndInsertString(DCM_RescaleIntercept, "-250");
  dataset.putAndInsertUint16(DCM_SamplesPerPixel, 1);
  dataset.putAndInsertUint16(DCM_Rows, 16);
  dataset.putAndInsertUint16(DCM_Columns, 16);
  dataset.putAndInsertUint16(DCM_BitsAllocated, 16);
  dataset.putAndInsertUint16(DCM_BitsStored, 16);
  dataset.putAndInsertUint16(DCM_HighBit, 15);
  dataset.putAndInsertUint16(DCM_PixelRepresentation, 0);
  std::vector<Uint16> pixels;
  for (const std::uint8_t value : small_picture(seed).pixels) {
    pixels.push_back(static_cast<Uint16>(2 * value));
  }
  pixels.resize(16 * 16);
  dataset.putAndInsertUint16Array(DCM_PixelData, pixels.data(), pixels.size());
  EXPECT_TRUE(format.saveFile(file.c_str(), EXS_LittleEndianExplicit).good());
}

/// Frames of 64 x 64 whose picture changes every `frames_of_one` frames.
void put_video(const fs::path& file, double frames_per_second, int frames, int frames_of_one) {
  fs::create_directories(file.parent_path());
  const bool is_avi = file.extension() == ".avi";
  const int codec =
      is_avi ? cv::VideoWriter::fourcc('M', 'J', 'P', 'G') : cv::VideoWriter::fourcc('m', 'p', '4', 'v');
  cv::VideoWriter writer(file.string(), codec, frames_per_second, cv::Size(64, 64));
  ASSERT_TRUE(writer.isOpened()) << file;
  for (int frame = 0; frame < frames; ++frame) {
    cv::Mat picture(64, 64, CV_8UC3, cv::Scalar(40, 40, 40));
    const int seed = frame / frames_of_one;
    picture(cv::Rect((seed * 24) % 40, (seed * 40) % 48, 20, 14)) = cv::Scalar(200, 30 * (seed % 8), 90);
    writer.write(picture);
  }
}

/// The records of a config of configs/curate/ on `root`, by id.
std::map<std::string, Record> curated(const std::string& name, const fs::path& root) {
  set_quiet(true);
  RunRecord record("medisyn curate");
  Communicator alone;
  const auto config =
      read_config<CurateConfig>(fs::path(MEDISYN_SOURCE) / "configs/curate" / name,
                                {"root=" + root.string(), "size=32", "duplicates.find_near=false"});
  EXPECT_EQ(read_config<CurateConfig>(fs::path(MEDISYN_SOURCE) / "configs/curate" / name).size, 512);
  const fs::path out = root.parent_path() / "out";
  curate(config, out, alone, 2, record);
  EXPECT_EQ(record.metrics["bad_files"], Json::array());
  std::map<std::string, Record> records;
  const Manifest manifest = read_manifest(out);
  for (const Record& one : manifest.records) {
    EXPECT_EQ(read_image(image_path(manifest, one)).width, 32);
    records[one.id] = one;
  }
  EXPECT_EQ(records.size(), manifest.records.size());
  return records;
}

TEST(Layouts, EveryConfigIsTestedHere) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(fs::path(MEDISYN_SOURCE) / "configs/curate")) {
    names.insert(entry.path().filename());
  }
  EXPECT_EQ(names, (std::set<std::string>{"chest_ctpa.yaml", "chest_xray.yaml", "cholecystectomy.yaml",
                                          "dermoscopy.yaml", "endoscopy.yaml", "fundus.yaml",
                                          "histopathology.yaml", "musculoskeletal_xray.yaml",
                                          "prostatectomy.yaml", "retinal_oct.yaml", "whole_slides.yaml"}));
}

TEST(Layouts, ChestCtpa) {
  const fs::path root = fresh_folder() / "data", data = root / "chest_ctpa";
  put(data / "train.csv",
      "StudyInstanceUID,SeriesInstanceUID,SOPInstanceUID,pe_present_on_image,negative_exam_for_pe\n"
      "s1,e1,i1,0,0\ns1,e1,i2,1,0\ns2,e2,i3,0,1\n");
  put_ct(data / "train/s1/e1/i1.dcm", 1, "a");
  put_ct(data / "train/s1/e1/i2.dcm", 2, "a");
  put_ct(data / "train/s2/e2/i3.dcm", 3, "b");
  const auto records = curated("chest_ctpa.yaml", root);
  ASSERT_EQ(records.size(), 3U);
  const Record& without = records.at("chest-ctpa-train-s1-e1-i1");
  const Record& with = records.at("chest-ctpa-train-s1-e1-i2");
  EXPECT_EQ(without.text, "Chest CT pulmonary angiography image showing no presence of pulmonary embolism");
  EXPECT_EQ(with.text, "Chest CT pulmonary angiography image showing pulmonary embolism");
  EXPECT_EQ(with.labels, std::vector<std::string>{"pulmonary embolism"});
  EXPECT_TRUE(without.labels.empty());
  EXPECT_EQ(with.patient_id, without.patient_id);
  EXPECT_EQ(with.study_id, without.study_id);
  EXPECT_NE(with.patient_id, records.at("chest-ctpa-train-s2-e2-i3").patient_id);
  EXPECT_EQ(with.split, without.split);
  EXPECT_EQ(with.patient_id.find("patient-"), 0U);  // a hash: the plain id reaches no output
}

TEST(Layouts, ChestXray) {
  const fs::path root = fresh_folder() / "data", data = root / "chest_xray/CheXpert-v1.0-small";
  const std::string header =
      "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung "
      "Opacity,Lung "
      "Lesion,Edema,Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural "
      "Other,Fracture,Support "
      "Devices\n";
  put(data / "train.csv", header +
                              "CheXpert-v1.0-small/train/patient00001/study1/"
                              "view1_frontal.jpg,Female,68,Frontal,AP,,,1.0,,,1.0,,,,,-1.0,,,\n"
                              "CheXpert-v1.0-small/train/patient00001/study1/"
                              "view2_lateral.jpg,Female,68,Lateral,,1.0,,,,,,,,,,,,,\n");
  put(data / "valid.csv",
      header +
          "CheXpert-v1.0-small/valid/patient64541/study1/"
          "view1_frontal.jpg,Male,73,Frontal,PA,0.0,0.0,1.0,1.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,0.0,0."
          "0,0.0\n");
  put_jpeg(data / "train/patient00001/study1/view1_frontal.jpg", 1);
  put_jpeg(data / "train/patient00001/study1/view2_lateral.jpg", 2);
  put_jpeg(data / "valid/patient64541/study1/view1_frontal.jpg", 3);
  const auto records = curated("chest_xray.yaml", root);
  ASSERT_EQ(records.size(), 3U);
  const Record& first =
      records.at("chexpert-train-chexpert-v1-0-small-train-patient00001-study1-view1-frontal");
  EXPECT_EQ(first.text, "Frontal (AP) chest X-ray image showing cardiomegaly and edema");
  EXPECT_EQ(first.patient_id, "chexpert-train-patient00001");
  EXPECT_EQ(first.study_id, "chexpert-train-patient00001/study1");
  const Record& lateral =
      records.at("chexpert-train-chexpert-v1-0-small-train-patient00001-study1-view2-lateral");
  EXPECT_EQ(lateral.text, "Lateral chest X-ray image showing no findings");
  EXPECT_EQ(lateral.split, first.split);
  EXPECT_EQ(records.at("chexpert-valid-chexpert-v1-0-small-valid-patient64541-study1-view1-frontal").text,
            "Frontal (PA) chest X-ray image showing cardiomegaly, lung opacity and pleural effusion");
}

TEST(Layouts, Dermoscopy) {
  const fs::path root = fresh_folder() / "data", data = root / "dermoscopy";
  put(data / "metadata.csv",
      "isic_id,attribution,copyright_license,diagnosis,image_type,lesion_id,patient_id\n"
      "ISIC_1,a,CC-0,nevus,dermoscopic,IL_1,IP_1\nISIC_2,a,CC-0,melanoma,dermoscopic,IL_1,\n"
      "ISIC_3,a,CC-0,melanoma,clinical,IL_2,IP_2\nISIC_4,a,CC-0,scar,dermoscopic,,IP_3\n"
      "ISIC_5,a,CC-0,\"basal cell carcinoma\",dermoscopic,,\n");
  for (int n = 1; n <= 5; ++n) {
    put_jpeg(data / fmt::format("ISIC_{}.jpg", n), n);
  }
  const auto records = curated("dermoscopy.yaml", root);
  ASSERT_EQ(records.size(), 3U);  // not the clinical one, not the scar
  EXPECT_EQ(records.at("isic-isic-1").text, "Dermoscopy image showing melanocytic nevus");
  EXPECT_EQ(records.at("isic-isic-1").patient_id, "isic-IP_1");
  EXPECT_EQ(records.at("isic-isic-2").patient_id, "isic-ISIC_2");
  EXPECT_EQ(records.at("isic-isic-2").split, records.at("isic-isic-1").split);  // one lesion
  EXPECT_EQ(records.at("isic-isic-5").study_id, "");
}

TEST(Layouts, RetinalOct) {
  const fs::path root = fresh_folder() / "data", data = root / "retinal_oct";
  put_jpeg(data / "train/CNV/CNV-1016042-1.jpeg", 1);
  put_jpeg(data / "train/CNV/CNV-1016042-2.jpeg", 2);
  put_jpeg(data / "test/DME/DME-1016042-1.jpeg", 3);
  put_jpeg(data / "train/NORMAL/NORMAL-77-9.jpeg", 4);
  put_jpeg(data / "val/DRUSEN/DRUSEN-5-1.jpeg", 5);
  const auto records = curated("retinal_oct.yaml", root);
  ASSERT_EQ(records.size(), 5U);
  EXPECT_EQ(records.at("retinal-oct-train-cnv-cnv-1016042-1").text,
            "Optical coherence tomography image showing choroidal neovascularization");
  EXPECT_EQ(records.at("retinal-oct-train-normal-normal-77-9").text,
            "Optical coherence tomography image showing normal findings");
  EXPECT_EQ(records.at("retinal-oct-test-dme-dme-1016042-1").patient_id, "retinal-oct-1016042");
  EXPECT_EQ(records.at("retinal-oct-test-dme-dme-1016042-1").split,
            records.at("retinal-oct-train-cnv-cnv-1016042-2").split);
}

TEST(Layouts, Cholecystectomy) {
  const fs::path root = fresh_folder() / "data", data = root / "cholecystectomy";
  put_video(data / "videos/video01.mp4", 25, 100, 25);
  std::string phases = "Frame\tPhase\n";
  for (int frame = 0; frame < 100; ++frame) {
    phases += fmt::format("{}\t{}\n", frame, frame < 60 ? "Preparation" : "CalotTriangleDissection");
  }
  put(data / "phase_annotations/video01-phase.txt", phases);
  const auto records = curated("cholecystectomy.yaml", root);
  ASSERT_EQ(records.size(), 4U);  // seconds 0 to 3
  EXPECT_EQ(records.at("cholec80-videos-video01-frame-000002").text,
            "Laparoscopic cholecystectomy image during preparation");
  EXPECT_EQ(records.at("cholec80-videos-video01-frame-000003").text,
            "Laparoscopic cholecystectomy image during Calot's triangle dissection");
  EXPECT_EQ(records.at("cholec80-videos-video01-frame-000003").video_id, "cholec80-video01");
  EXPECT_EQ(records.at("cholec80-videos-video01-frame-000003").patient_id, "cholec80-01");
}

TEST(Layouts, Prostatectomy) {
  const fs::path root = fresh_folder() / "data", data = root / "prostatectomy/train1/video_1";
  put_video(data / "video_left.avi", 60, 60, 6);
  std::string actions;
  for (int frame = 0; frame < 60; frame += 6) {
    actions += fmt::format("{:09},{}\n", frame, frame < 18 ? 0 : frame < 36 ? 2 : 6);
  }
  put(data / "action_discrete.txt", actions);
  const auto records = curated("prostatectomy.yaml", root);
  ASSERT_EQ(records.size(), 7U);  // ten frames but three of another action
  EXPECT_EQ(records.at("sar-rarp50-train1-video-1-video-left-frame-000003").text,
            "Robot-assisted radical prostatectomy image of positioning the needle tip");
  EXPECT_EQ(records.at("sar-rarp50-train1-video-1-video-left-frame-000006").text,
            "Robot-assisted radical prostatectomy image of cutting the suture");
}

TEST(Layouts, Endoscopy) {
  const fs::path root = fresh_folder() / "data", data = root / "endoscopy/labeled-images";
  put_jpeg(data / "lower-gi-tract/pathological-findings/polyps/a.jpg", 1);
  put_jpeg(data / "lower-gi-tract/therapeutic-interventions/dyed-lifted-polyps/b.jpg", 2);
  put_jpeg(data / "upper-gi-tract/pathological-findings/esophagitis-b-d/c.jpg", 3);
  put(data / "image-labels.csv", "not,read\n");
  const auto records = curated("endoscopy.yaml", root);
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records.at("hyperkvasir-lower-gi-tract-pathological-findings-polyps-a").text,
            "Gastrointestinal endoscopy image showing polyp");
  EXPECT_EQ(records.at("hyperkvasir-lower-gi-tract-therapeutic-interventions-dyed-lifted-polyps-b").text,
            "Gastrointestinal endoscopy image showing dyed and lifted polyp");
}

TEST(Layouts, Histopathology) {
  const fs::path root = fresh_folder() / "data", data = root / "histopathology";
  put(data / "train_labels.csv", "id,label\naa,0\nbb,1\ncc,1\n");
  put(data / "patch_id_wsi_full.csv", "id,wsi\nbb,slide_2\naa,slide_2\n");
  for (int n = 1; n <= 3; ++n) {
    put_png(data / fmt::format("train/{}.tif", std::string(2, static_cast<char>('a' + n - 1))), n);
  }
  const auto records = curated("histopathology.yaml", root);
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records.at("pcam-train-aa").text,
            "Histopathological lymph node image showing no presence of metastasis");
  EXPECT_EQ(records.at("pcam-train-bb").text, "Histopathological lymph node image showing metastasis");
  EXPECT_EQ(records.at("pcam-train-aa").patient_id, "pcam-slide_2");
  EXPECT_EQ(records.at("pcam-train-cc").patient_id, "pcam-train/cc");  // of no known slide
}

TEST(Layouts, WholeSlides) {
  const fs::path root = fresh_folder() / "data", data = root / "whole_slides";
  // 0.25 microns a pixel: a tile has 1,024 of them. The left half is glass.
  const auto slide = [](std::uint32_t seed) {
    const auto pixel = [seed](std::uint32_t row, std::uint32_t column) {
      const auto tissue = static_cast<std::uint8_t>(100 + ((row / 64 * 7 + column / 64 * 3) * seed) % 60);
      return column < 1024 ? Pixel{250, 250, 250, 255} : Pixel{tissue, 80, 150, 255};
    };
    return tiff_bytes({{1024, 2048, pixel}}, 3,
                      "Aperio Image Library v1\r\n2048x1024|AppMag = 40|MPP = 0.25");
  };
  put(data / "normal/normal_001.tif", slide(1));
  put(data / "tumor/tumor_001.tif", slide(5));
  const auto records = curated("whole_slides.yaml", root);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records.at("camelyon16-normal-normal-001-000000-001024").text,
            "Histopathological image of a lymph node without metastasis");
  const Record& tumour = records.at("camelyon16-tumor-tumor-001-000000-001024");
  EXPECT_EQ(tumour.text, "Histopathological image of a lymph node with metastasis");
  EXPECT_EQ(tumour.patient_id, "camelyon16-tumor/tumor_001");
}

TEST(Layouts, MusculoskeletalXray) {
  const fs::path root = fresh_folder() / "data", data = root / "musculoskeletal_xray/MURA-v1.1";
  put_png(data / "train/XR_ELBOW/patient00011/study1_negative/image1.png", 1);
  put_png(data / "train/XR_HAND/patient00011/study1_positive/image1.png", 2);
  put_png(data / "valid/XR_WRIST/patient11185/study1_positive/image2.png", 3);
  const auto records = curated("musculoskeletal_xray.yaml", root);
  ASSERT_EQ(records.size(), 3U);
  const Record& elbow = records.at("mura-train-xr-elbow-patient00011-study1-negative-image1");
  EXPECT_EQ(elbow.text, "Musculoskeletal X-ray image of the elbow showing no abnormality");
  EXPECT_EQ(elbow.study_id, "mura-XR_ELBOW/patient00011/study1");
  const Record& hand = records.at("mura-train-xr-hand-patient00011-study1-positive-image1");
  EXPECT_EQ(hand.text, "Musculoskeletal X-ray image of the hand showing an abnormality");
  EXPECT_EQ(hand.split, elbow.split);
}

TEST(Layouts, Fundus) {
  const fs::path root = fresh_folder() / "data", data = root / "fundus";
  put(data / "trainLabels.csv", "image,level\n10_left,0\n10_right,4\n13_left,2\n");
  put_jpeg(data / "train/10_left.jpeg", 1);
  put_jpeg(data / "train/10_right.jpeg", 2);
  put_jpeg(data / "train/13_left.jpeg", 3);
  const auto records = curated("fundus.yaml", root);
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records.at("eyepacs-train-10-left").text,
            "Fundoscopy image of the left eye showing no diabetic retinopathy");
  EXPECT_EQ(records.at("eyepacs-train-10-right").text,
            "Fundoscopy image of the right eye showing proliferative diabetic retinopathy");
  EXPECT_EQ(records.at("eyepacs-train-10-right").patient_id, "eyepacs-10");
}

}  // namespace
}  // namespace medisyn
