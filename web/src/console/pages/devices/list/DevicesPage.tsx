// The Device module: everything that was installed, whoever it belongs to; devices are added at their household.
import { Tabs } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { Page } from "../../../../ui/Page";
import { CamerasTab } from "../cameras/CamerasTab";
import { IntercomsTab } from "./IntercomsTab";

type Tab = "intercom" | "third-party";

export function DevicesPage({ tab }: { tab: Tab }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  return (
    <Page title={t("module.device")}>
      <Tabs
        value={tab}
        onChange={(next) => navigate(next === "intercom" ? "/device" : "/device/third-party")}
        keepMounted={false}
      >
        <Tabs.List mb="md">
          <Tabs.Tab value="intercom">{t("devices.tabIntercom")}</Tabs.Tab>
          <Tabs.Tab value="third-party">{t("devices.tabThirdParty")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="intercom">
          <IntercomsTab />
        </Tabs.Panel>
        <Tabs.Panel value="third-party">
          <CamerasTab />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
