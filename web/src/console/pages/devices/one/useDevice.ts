import { useQuery } from "@tanstack/react-query";
import { fresh, getDevice } from "../../../../api";

export function useDevice(id: string) {
  return useQuery({
    queryKey: ["device", id],
    queryFn: ({ signal }) => getDevice({ path: { device_id: id }, query: fresh(), signal }),
  });
}
