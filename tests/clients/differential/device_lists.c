/* Device memory lists on a host without a GPU. */
#include "transcript.h"
#include <ucp/api/device/ucp_host.h>

int main(void)
{
    struct pair pair                         = make_pair(NULL);
    ucp_device_mem_list_elem_t local[1]      = {{.field_mask = UCP_DEVICE_MEM_LIST_ELEM_FIELD_MEMH, .memh = pair.memh}};
    ucp_device_mem_list_elem_t remote[1]     = {{.field_mask = UCP_DEVICE_MEM_LIST_ELEM_FIELD_RKEY | UCP_DEVICE_MEM_LIST_ELEM_FIELD_EP |
                                                               UCP_DEVICE_MEM_LIST_ELEM_FIELD_REMOTE_ADDR,
                                                 .rkey = pair.rkey, .ep = pair.ep, .remote_addr = (uint64_t)pair.far_memory}};
    ucp_device_mem_list_params_t params      = {.field_mask = UCP_DEVICE_MEM_LIST_PARAMS_FIELD_ELEMENTS |
                                                              UCP_DEVICE_MEM_LIST_PARAMS_FIELD_ELEMENT_SIZE |
                                                              UCP_DEVICE_MEM_LIST_PARAMS_FIELD_NUM_ELEMENTS |
                                                              UCP_DEVICE_MEM_LIST_PARAMS_FIELD_WORKER,
                                                .element_size = sizeof(local[0]), .num_elements = 1};
    ucp_device_local_mem_list_h local_list   = NULL;
    ucp_device_remote_mem_list_h remote_list = NULL;

    params.elements = local;
    params.worker   = pair.far_worker;
    say("local list: %s", status_name(ucp_device_local_mem_list_create(&params, &local_list)));
    params.elements = remote;
    params.worker   = pair.near_worker;
    say("remote list: %s", status_name(ucp_device_remote_mem_list_create(&params, &remote_list)));
    end_pair(&pair);
    return 0;
}
