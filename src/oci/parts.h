/* The parts of the specification's parser, as tables and element parsers for fields.h. Private to oci/. */
#ifndef TARE_OCI_PARTS_H
#define TARE_OCI_PARTS_H

#include "oci/fields.h"
#include "oci/spec.h"

/* OCI_CALLs; target is the pointer or struct the document fills. */
int oci_parse_process(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target);
int oci_parse_seccomp(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target);
int oci_parse_linux(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target);
int oci_parse_resources(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target);

/* Names, for the parser and for oci_word(). */
extern const struct oci_name oci_seccomp_actions[], oci_seccomp_operators[], oci_seccomp_flags[];
extern const struct oci_name oci_memory_modes[], oci_memory_flags[], oci_namespace_names[];
extern const struct oci_name oci_sched_policies[], oci_sched_flags[], oci_io_classes[], oci_personalities[];

/* Rows. */
extern const struct oci_field oci_mount_fields[];
extern const struct oci_field oci_id_map_fields[];

/* Element checks. */
int oci_check_mount(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target);
int oci_check_id_map(const struct oci_ctx *c, const struct oci_path *at, const struct json *v, void *target);

/* What no table can say: parts that contradict each other. spec is complete otherwise. */
int oci_check_whole(const struct oci_ctx *c, const struct oci_spec *spec);
/* A filter that notifies has a listenerPath, or it is given crun's annotation for one. */
int oci_check_listener(const struct oci_ctx *c, struct oci_spec *spec);

#endif
