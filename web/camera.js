// A picture from the camera, where the browser lets a page have one.

import { byId } from "./dom.js";

/** Sets up the button; `take` gets a file. */
export function setUpCamera(take) {
  const dialog = byId("camera-dialog");
  const video = dialog.querySelector("video");
  const words = dialog.querySelector(".words");
  const [shutter, close] = dialog.querySelectorAll("button");
  byId("camera").hidden = !navigator.mediaDevices?.getUserMedia;

  byId("camera").addEventListener("click", async () => {
    words.textContent = "Waiting for the camera …";
    shutter.disabled = true;
    dialog.showModal();
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      if (!dialog.open) return stop();
      await video.play();
      words.textContent = "";
      shutter.disabled = false;
    } catch (error) {
      words.textContent =
        error.name === "NotAllowedError"
          ? "The browser may not use the camera. Allow it in the address bar, or choose a picture."
          : "There is no camera that works. Choose a picture instead.";
    }
  });
  shutter.addEventListener("click", () => {
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.toBlob(
      (blob) => {
        dialog.close();
        take(new File([blob], "camera.jpg", { type: "image/jpeg" }));
      },
      "image/jpeg",
      0.92,
    );
  });
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", stop);

  function stop() {
    for (const track of video.srcObject?.getTracks() ?? []) track.stop();
    video.srcObject = null;
  }
}
