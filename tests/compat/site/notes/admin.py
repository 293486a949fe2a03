from django.contrib import admin

from .models import Author, Note, Tag


class NoteInline(admin.TabularInline):
    model = Note
    extra = 1


class AuthorAdmin(admin.ModelAdmin):
    inlines = [NoteInline]
    search_fields = ["name"]


class NoteAdmin(admin.ModelAdmin):
    list_display = ["text", "author", "written", "price"]
    list_filter = ["author", "tags"]
    search_fields = ["text"]
    date_hierarchy = "written"
    filter_horizontal = ["tags"]


admin.site.register(Author, AuthorAdmin)
admin.site.register(Note, NoteAdmin)
admin.site.register(Tag)
