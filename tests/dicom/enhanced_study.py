"""The tiny dynamic study as Enhanced CT objects: what classic images say at the top, functional groups say of frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from tiny_study import COLUMNS, ROWS, SPACING, START_S, Image, clock

ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
ORGANIZATION = "1.2.3.77"


def item(**values: Any) -> Any:
    ds: Any = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def code(value: str, scheme: str, meaning: str) -> Any:
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def enhanced(images: Sequence[Image], times_s: Sequence[float], *, number: int = 1) -> Image:
    """One object whose frames are ``images`` in the order given; ``times_s`` by pass, written as FrameAcquisitionDateTime."""
    first = images[0].ds
    ds: Any = Dataset()
    for keyword in (
        *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID", "AccessionNumber"),
        *(
            "StudyInstanceUID",
            "SeriesInstanceUID",
            "FrameOfReferenceUID",
            "Manufacturer",
            "ManufacturerModelName",
            "Rows",
            "Columns",
        ),
        *(
            "BitsAllocated",
            "BitsStored",
            "HighBit",
            "PixelRepresentation",
            "SamplesPerPixel",
            "PhotometricInterpretation",
            "Modality",
        ),
    ):
        setattr(ds, keyword, getattr(first, keyword))
    ds.SOPClassUID, ds.SOPInstanceUID = ENHANCED_CT, f"{first.SOPInstanceUID}.1"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    ds.SeriesNumber, ds.InstanceNumber, ds.AcquisitionNumber = 1, number, number
    ds.ReferringPhysicianName, ds.PositionReferenceIndicator, ds.PatientPosition = "", "", "HFS"
    ds.DeviceSerialNumber, ds.SoftwareVersions = "1", "1"
    ds.ContentDate, ds.ContentTime = "20240314", "110000"
    ds.AcquisitionDateTime, ds.AcquisitionDuration = "20240314" + clock(START_S), float(max(times_s) or 1.0)
    ds.PixelPresentation, ds.VolumetricProperties, ds.VolumeBasedCalculationTechnique = "MONOCHROME", "VOLUME", "NONE"
    ds.ContentQualification, ds.BurnedInAnnotation, ds.LossyImageCompression = "RESEARCH", "NO", "00"
    ds.PresentationLUTShape, ds.AcquisitionContextSequence = "IDENTITY", []
    ds.NumberOfFrames = len(images)
    ds.DimensionOrganizationSequence = [item(DimensionOrganizationUID=ORGANIZATION)]
    ds.DimensionIndexSequence = [
        item(DimensionIndexPointer=pointer, FunctionalGroupPointer=0x00209111, DimensionOrganizationUID=ORGANIZATION)
        for pointer in (0x00209056, 0x00209057, 0x00209128)
    ]
    ds.SharedFunctionalGroupsSequence = [_shared(first)]
    passes = sorted({image.p for image in images})
    ds.PerFrameFunctionalGroupsSequence = [_frame(image, times_s[image.p], passes.index(image.p) + 1) for image in images]
    ds.PixelData = b"".join(image.ds.PixelData for image in images)
    ds["PixelData"].VR = "OW"
    return Image(ds, images[0].p, images[0].k)


def _shared(first: Any) -> Any:
    return item(
        PixelMeasuresSequence=[item(PixelSpacing=[str(SPACING[1]), str(SPACING[2])], SliceThickness=str(SPACING[0]))],
        PlaneOrientationSequence=[item(ImageOrientationPatient=first.ImageOrientationPatient)],
        FrameAnatomySequence=[item(FrameLaterality="U", AnatomicRegionSequence=[code("113345001", "SCT", "Abdomen")])],
        PixelValueTransformationSequence=[
            item(RescaleIntercept=first.RescaleIntercept, RescaleSlope=first.RescaleSlope, RescaleType="HU")
        ],
        CTImageFrameTypeSequence=[
            item(
                FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
                PixelPresentation="MONOCHROME",
                VolumetricProperties="VOLUME",
                VolumeBasedCalculationTechnique="NONE",
            )
        ],
        CTAcquisitionTypeSequence=[item(AcquisitionType="STATIONARY", ConstantVolumeFlag="YES", FluoroscopyFlag="NO")],
        CTAcquisitionDetailsSequence=[
            item(
                RotationDirection="CW",
                RevolutionTime=0.5,
                SingleCollimationWidth=0.5,
                TotalCollimationWidth=10.0,
                TableHeight="100",
                GantryDetectorTilt="0",
                DataCollectionDiameter="500",
            )
        ],
        CTTableDynamicsSequence=[item(TableSpeed=0.0, TableFeedPerRotation=0.0, SpiralPitchFactor=0.0)],
        CTPositionSequence=[
            item(
                TablePosition=0.0,
                ReconstructionTargetCenterPatient=[0.0, 0.0, 0.0],
                DataCollectionCenterPatient=[0.0, 0.0, 0.0],
            )
        ],
        CTGeometrySequence=[item(DistanceSourceToDetector="1000", DistanceSourceToDataCollectionCenter=500.0)],
        CTReconstructionSequence=[
            item(
                ReconstructionAlgorithm="FILTER_BACK_PROJ",
                ConvolutionKernel=first.ConvolutionKernel,
                ConvolutionKernelGroup="SOFT_TISSUE",
                ReconstructionDiameter="300",
                ReconstructionPixelSpacing=[SPACING[1], SPACING[2]],
                ReconstructionAngle=360.0,
                ImageFilter="NONE",
            )
        ],
        CTExposureSequence=[
            item(
                ExposureTimeInms=500.0,
                XRayTubeCurrentInmA=200.0,
                ExposureInmAs=100.0,
                ExposureModulationType="NONE",
                CTDIvol=5.0,
                CTDIPhantomTypeCodeSequence=[code("113691", "DCM", "IEC Body Dosimetry Phantom")],
            )
        ],
        IrradiationEventIdentificationSequence=[item(IrradiationEventUID="1.2.3.78")],
        CTXRayDetailsSequence=[
            item(
                KVP=first.KVP,
                FocalSpots="1",
                FilterType="NONE",
                FilterMaterial="NONE",
                CalciumScoringMassFactorPatient=1.0,
                EnergyWeightingFactor=1.0,
            )
        ],
    )


def _frame(image: Image, seconds: float, index: int) -> Any:
    moment = "20240314" + clock(START_S + seconds)
    return item(
        FrameContentSequence=[
            item(
                FrameAcquisitionNumber=image.p + 1,
                FrameReferenceDateTime=moment,
                FrameAcquisitionDateTime=moment,
                FrameAcquisitionDuration=500.0,
                StackID="1",
                InStackPositionNumber=image.k + 1,
                TemporalPositionIndex=index,
                DimensionIndexValues=[1, image.k + 1, index],
            )
        ],
        PlanePositionSequence=[item(ImagePositionPatient=image.ds.ImagePositionPatient)],
    )


def stored(images: Sequence[Image]) -> np.ndarray:
    """Stored values (frames, rows, columns)."""
    return np.stack([np.frombuffer(image.ds.PixelData, "<u2").reshape(ROWS, COLUMNS) for image in images])
