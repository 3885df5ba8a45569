// Takes a picture with the camera, in browsers that give pages access to it.

import { byId } from "./dom.js";

/** Sets up the button and its dialog; `onPicture` gets a File. */
export function setUpCamera(onPicture) {
  const dialog = byId("camera-dialog");
  const video = dialog.querySelector("video");
  const message = dialog.querySelector("p");
  const [captureButton, closeButton] = dialog.querySelectorAll("button");
  byId("camera").hidden = !navigator.mediaDevices?.getUserMedia;

  byId("camera").addEventListener("click", async () => {
    message.textContent = "Waiting for the camera …";
    captureButton.disabled = true;
    dialog.showModal();
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      if (!dialog.open) return stop();
      await video.play();
      message.textContent = "";
      captureButton.disabled = false;
    } catch (error) {
      message.textContent =
        error.name === "NotAllowedError"
          ? "The browser blocks the camera. Allow it in the address bar, or choose a file."
          : "No camera works. Choose a file.";
    }
  });
  captureButton.addEventListener("click", () => {
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.toBlob(
      (blob) => {
        dialog.close();
        onPicture(new File([blob], "camera.jpg", { type: "image/jpeg" }));
      },
      "image/jpeg",
      0.92,
    );
  });
  closeButton.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", stop);

  function stop() {
    for (const track of video.srcObject?.getTracks() ?? []) track.stop();
    video.srcObject = null;
  }
}
