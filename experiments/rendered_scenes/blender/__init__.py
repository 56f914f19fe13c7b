"""What runs inside Blender: needs `bpy` and NumPy alone, so nothing here imports another package of this project."""
