"""Net-M's attention against GCA-Matting's: parameters, operations, time, memory."""
