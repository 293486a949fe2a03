import json

from django.http import HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render

from .models import Author, Note


def index(request):
    """The notes, and how often this session has looked at them. POST writes one."""
    if request.method == "POST":
        author = get_object_or_404(Author, name=request.POST["author"])
        Note.objects.create(author=author, text=request.POST["text"])
        return HttpResponseRedirect(request.path)
    request.session["visits"] = request.session.get("visits", 0) + 1
    notes = Note.objects.select_related("author").order_by("pk")
    response = render(request, "notes/index.html", {"notes": notes, "visits": request.session["visits"]})
    response.set_cookie("last", "a b;c", max_age=60)
    return response


def upload(request):
    """Sizes and first bytes of what a multipart form brought, once read from memory and once from disk."""
    if request.method == "POST":
        found = {name: [f.name, f.size, f.read(4).decode("latin-1")] for name, f in request.FILES.items()}
        return HttpResponse(json.dumps({"files": found, "fields": request.POST.dict()}))
    return render(request, "notes/index.html", {"notes": [], "visits": 0})


def stream(request):
    return StreamingHttpResponse(("part %d\n" % number for number in range(3)), content_type="text/plain")


def broken(request):
    raise ValueError("this view is broken on purpose")
