import { Anchor } from "@mantine/core";
import { Link } from "react-router";
import { Absent } from "../../../../ui/Text";

/** The household a thing belongs to by its name, leading to everything installed there. */
export function OwnerLink({ of }: { of: { user_id: string; owner: string } }) {
  if (!of.owner) return <Absent />;
  return (
    <Anchor component={Link} to={`/user/${of.user_id}/devices`} inherit>
      <bdi>{of.owner}</bdi>
    </Anchor>
  );
}
