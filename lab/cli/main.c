/* SPDX-License-Identifier: MIT */
/* main.c - the program zcrace: the library's scenarios, and the toys. */
#include "zcrace.h"

int main(int argc, char **argv)
{
    lab_registry_set(lab_library_scenarios, lab_toy_scenarios);
    zcrace_set_matrix(lab_library_scenarios, &lab_library_rules);
    return zcrace_main(argc, argv);
}
