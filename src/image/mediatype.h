/* What documents and blobs say that they are (OCI image-spec, media-types.md; Docker's "Image Manifest Version 2, Schema 2"). */
#ifndef TARE_IMAGE_MEDIATYPE_H
#define TARE_IMAGE_MEDIATYPE_H

#define MEDIATYPE_OCI "application/vnd.oci.image."
#define MEDIATYPE_INDEX MEDIATYPE_OCI "index.v1+json"
#define MEDIATYPE_MANIFEST MEDIATYPE_OCI "manifest.v1+json"
#define MEDIATYPE_CONFIG MEDIATYPE_OCI "config.v1+json"
#define MEDIATYPE_LAYER MEDIATYPE_OCI "layer.v1.tar"
#define MEDIATYPE_LAYER_GZIP MEDIATYPE_LAYER "+gzip"
#define MEDIATYPE_LAYER_ZSTD MEDIATYPE_LAYER "+zstd"

#endif
